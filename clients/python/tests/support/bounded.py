"""Nothing is waited for without end: a test that hangs fails by its name, and the others go on.

`Bounded` is under every test case, also of those in `tests/python`. It bounds each test as a whole; `within`
bounds one wait and says what for. Both interrupt the main thread where it stands, in a read, a join or a lock
alike, and show where the other threads stand. What not even that ends is shown with all its threads, and ends
the run; so is a run that has no test left and does not end.
"""

from __future__ import annotations

import faulthandler
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from unittest import TestCase, TestLoader, TestResult, TestSuite

__all__ = ["PATIENCE", "Bounded", "Overdue", "unbounded", "within"]

PATIENCE = 60.0
"""Seconds for one wait: several times what a slow machine takes for the longest."""
_AGAIN = 10.0
"""Seconds after which whoever was interrupted and waits on, such as a cleanup, is interrupted again."""
_STDERR = 2
"""Whatever `sys.stderr` is during a test."""


class Overdue(AssertionError):
    """What was waited for did not come. It is no `OSError`: clients expect those and survive them."""


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Fails the test when the block takes longer. ``what`` completes the sentence "... did not come".

    For the main thread alone, as signals are. A block around this one keeps its own bound.
    """

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        # The exception shows where this thread stands.
        if threading.active_count() > 1:
            faulthandler.dump_traceback(_STDERR)
        raise Overdue(f"{what} did not come in {allowed:.3g} s")

    began = time.monotonic()
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0)
    allowed = min(seconds, left) if left else seconds
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, allowed, _AGAIN)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), _AGAIN)


class Bounded(TestCase):
    """A test case whose tests come to an end."""

    #: Seconds for a test with all that is around it, and those that it has more before the run is given up.
    patience = 240.0
    grace = 60.0

    def run(self, result: TestResult | None = None) -> TestResult | None:
        # Set again by the next test and never taken back: it also looks after the end of the run.
        seconds = self.patience + self.grace
        faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
        with within(self.patience, f"the end of {self.id()}"):
            return super().run(result)


def unbounded(folder: Path) -> set[str]:
    """The tests of a folder that `Bounded` is not under."""
    suites: list[TestSuite | TestCase] = [TestLoader().discover(str(folder))]
    found = set()
    while suites:
        one = suites.pop()
        if isinstance(one, TestSuite):
            suites += one
        elif not isinstance(one, Bounded):
            found.add(one.id())
    return found
