"""What never ends is told, and ends."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from unittest import TestResult, TestSuite, main

from support.bounded import Bounded, Overdue, unbounded, within

DEAF = """
import threading
from unittest import main
from support.bounded import Bounded

class Deaf(Bounded):
    patience, grace = 0.1, 0.5

    def test_that_hears_nothing(self):
        while True:
            try:
                threading.Event().wait()
            except AssertionError:
                pass

main()
"""

LINGERING = """
import threading
from unittest import main
from support.bounded import Bounded

class Lingering(Bounded):
    patience, grace = 0.1, 0.5

    def test_that_leaves_a_thread(self):
        threading.Thread(target=threading.Event().wait).start()

main()
"""


class BoundedTest(Bounded):
    def test_every_test_here_is_bounded(self) -> None:
        self.assertEqual(unbounded(Path(__file__).parent), set())

    def test_a_test_that_hangs_fails_by_its_name_and_the_next_one_runs(self) -> None:
        class Hanging(Bounded):
            patience = 0.1

            def test_first(self) -> None:
                threading.Event().wait()

        class Next(Bounded):
            def test_second(self) -> None:
                ran.append("second")

        ran: list[str] = []
        result = TestResult()
        TestSuite([Hanging("test_first"), Next("test_second")]).run(result)
        ((failed, trace),) = result.failures
        self.assertEqual((failed.id().rsplit(".", 1)[-1], result.errors, ran), ("test_first", [], ["second"]))
        self.assertIn("test_first did not come in 0.1 s", trace)
        self.assertIn("threading.Event().wait()", trace)

    def test_a_wait_says_what_for_and_leaves_the_bound_around_it(self) -> None:
        never = threading.Event()
        with self.assertRaisesRegex(Overdue, "the outer one did not come"), within(2, "the outer one"):
            inner = self.assertRaisesRegex(Overdue, "the inner one did not come in 0.1 s")
            with inner, within(0.1, "the inner one"):
                never.wait()
            with within(60, "one that came"):
                pass
            never.wait()

    def test_a_run_that_cannot_be_interrupted_shows_where_it_stands_and_ends(self) -> None:
        for program, place in ((DEAF, "in test_that_hears_nothing"), (LINGERING, "in _shutdown")):
            with self.subTest(place):
                ended = subprocess.run(
                    [sys.executable, "-c", program],
                    cwd=Path(__file__).parent,
                    capture_output=True,
                    text=True,
                    timeout=60,
                    check=False,
                )
                self.assertEqual(ended.returncode, 1)
                self.assertIn("Timeout (0:00:00.6", ended.stderr)
                self.assertIn(place, ended.stderr)


if __name__ == "__main__":
    main()
