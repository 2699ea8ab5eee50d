"""`python3 -m unittest` in this folder."""

from __future__ import annotations

import contextlib
import io
import json
import random
import unittest
from datetime import date, timedelta
from unittest.mock import patch

import analysis
from analysis import Day, Request, RequestError


def days(*rain: float) -> list[Day]:
    """Days of 2012 with so much rain, each a degree warmer than the one before."""
    start = date(2012, 1, 1)
    return [Day(start + timedelta(place), mm, place, place - 5, 2.0) for place, mm in enumerate(rain)]


class Requests(unittest.TestCase):
    """What clients ask."""

    def test_what_is_left_open_has_defaults(self) -> None:
        """All years, as often as usual."""
        self.assertEqual(Request.read({}), Request((), analysis.ROUNDS, 1))

    def test_what_cannot_be_is_refused_in_words(self) -> None:
        """Each names the member."""
        for given, member in (
            ({"years": "2012"}, "years"),
            ({"rounds": 0}, "rounds"),
            ({"seed": "x"}, "seed"),
            ({"team": 7}, "team"),
        ):
            with self.subTest(member), self.assertRaisesRegex(RequestError, f"`{member}`"):
                Request.read(given)


class Findings(unittest.TestCase):
    """What is worked out."""

    def test_the_longest_run_of_days(self) -> None:
        """The first of those that are as long; none where there is no such day."""
        record = days(0, 0, 5, 0, 0, 0, 1)
        dry = {"days": 3, "from": "2012-01-04", "to": "2012-01-06"}
        self.assertEqual(analysis.longest(record, lambda day: day.is_dry), dry)
        self.assertIsNone(analysis.longest(record, lambda day: day.highest > 30))

    def test_wet_days_that_come_together_are_no_chance(self) -> None:
        """Half of the days wet: in a row, and turn by turn."""
        together = analysis.persistence(days(*[0] * 20, *[5] * 20), 200, random.Random(1))
        self.assertEqual(together["wet_after_wet"]["days"], 19)
        self.assertLess(together["by_chance"], 0.01)
        by_turns = analysis.persistence(days(*[0, 5] * 20), 200, random.Random(1))
        self.assertEqual(by_turns["wet_after_wet"]["days"], 0)
        self.assertEqual(by_turns["by_chance"], 1)

    def test_means_that_differ_are_told_from_those_that_do_not(self) -> None:
        """A permutation test."""
        far = analysis.comparison([1, 2, 3, 2, 1] * 4, [8, 9, 7, 8, 9] * 4, 200, random.Random(1))
        near = analysis.comparison([1, 2, 3, 4] * 4, [4, 3, 2, 1] * 4, 200, random.Random(1))
        self.assertLess(far["by_chance"], 0.01)
        self.assertEqual(near["by_chance"], 1)

    def test_the_interval_holds_the_mean(self) -> None:
        """And is no wider than the values."""
        low, high = analysis.interval([1, 2, 3, 4, 5] * 6, 500, random.Random(1))
        self.assertTrue(1 < low < 3 < high < 5)


class Programs(unittest.TestCase):
    """The whole program."""

    def run_with(self, request: object) -> tuple[int, list[str], str]:
        """Its exit code, its lines and its error output."""
        given = io.StringIO(json.dumps(request) + "\n")
        out, errors = io.StringIO(), io.StringIO()
        with patch("sys.stdin", given), contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = analysis.main()
        return code, out.getvalue().splitlines(), errors.getvalue()

    def test_phases_then_the_result_and_the_same_every_time(self) -> None:
        """Each phase begins where watchers expect it."""
        code, lines, _ = self.run_with({"years": [2012, 2013], "rounds": 5})
        self.assertEqual(code, 0)
        events = [json.loads(line)["headway"] for line in lines[:-1]]
        begun: dict[str, float] = {}
        for event in events:
            if event["type"] == "progress":
                begun.setdefault(event["phase"], event["percent"])
        self.assertEqual([*begun.values()], [10, 25, 50, 90, 100])
        result = json.loads(lines[-1])
        self.assertEqual((result["days"], sorted(result["years"])), (731, ["2012", "2013"]))
        self.assertEqual(self.run_with({"years": [2012, 2013], "rounds": 5})[1], lines)

    def test_a_year_that_is_not_there(self) -> None:
        """A sentence and exit code 1."""
        code, lines, errors = self.run_with({"years": [1999]})
        self.assertEqual(code, 1)
        self.assertEqual(len(lines), 1)
        self.assertIn("1999", errors)


if __name__ == "__main__":
    unittest.main()
