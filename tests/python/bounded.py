"""What bounds the tests of the package bounds these too: each test as a whole, and each wait."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "clients" / "python" / "tests"))

from support.bounded import PATIENCE, Bounded, Overdue, unbounded, within  # noqa: E402

__all__ = ["PATIENCE", "Bounded", "Overdue", "joined", "unbounded", "within"]


def joined(thread, what, seconds=PATIENCE):
    """Waits for the end of a thread, and fails when it does not come. Such threads are daemons."""
    thread.join(seconds)
    if thread.is_alive():
        raise Overdue(f"{what} did not come in {seconds:.3g} s")
