"""No test of this folder can hang."""

import unittest
from pathlib import Path

from bounded import Bounded, unbounded


class BoundedTest(Bounded):
    def test_every_test_here_is_bounded(self):
        self.assertEqual(unbounded(Path(__file__).parent), set())


if __name__ == "__main__":
    unittest.main()
