"""`python3 -m unittest` in this folder."""

from __future__ import annotations

import io
import json
import math
import unittest
from itertools import permutations

import worker
from worker import Airport, ItemError, Meter

BOSTON = Airport.at("BOS", 42.3643475, -71.00517917)
NEW_YORK = Airport.at("JFK", 40.63975111, -73.77892556)
PROVIDENCE = Airport.at("PVD", 41.72399917, -71.42822111)
SYDNEY = Airport.at("SYD", -33.946111, 151.177222)


def row(code: str, latitude: str, longitude: str, state: str = "MA") -> dict[str, str]:
    """A row of the list."""
    return {
        "custom_id": code,
        "name": "Field",
        "city": "Town",
        "state": state,
        "country": "USA",
        "latitude": latitude,
        "longitude": longitude,
    }


def ring(count: int) -> list[Airport]:
    """Airports on a circle of about 100 km around (40, -90), in an order that crosses itself."""
    step = 2 * math.pi / count
    order = [place * 7 % count for place in range(count)]
    return [
        Airport.at(
            f"R{place}", 40 + 0.9 * math.sin(place * step), -90 + 1.17 * math.cos(place * step)
        )
        for place in order
    ]


class Distances(unittest.TestCase):
    """Great circles."""

    def test_known_distances(self) -> None:
        """Within half a percent of what flight planners give."""
        self.assertAlmostEqual(BOSTON.distance_km(NEW_YORK), 300, delta=2)
        self.assertAlmostEqual(BOSTON.distance_km(SYDNEY), 16_255, delta=80)
        self.assertEqual(BOSTON.distance_km(BOSTON), 0)

    def test_half_way_round(self) -> None:
        """Rounding never leaves the domain of the arc sine."""
        pole, other = Airport.at("N", 90, 0), Airport.at("S", -90, 0)
        self.assertAlmostEqual(pole.distance_km(other), math.pi * worker.EARTH_RADIUS_KM, places=3)


class Trips(unittest.TestCase):
    """The search."""

    def lengths(self, airports: list[Airport]) -> list[list[float]]:
        """All distances."""
        return [[one.distance_km(other) for other in airports] for one in airports]

    def test_a_ring_is_flown_round(self) -> None:
        """The best trip along a circle is the circle."""
        airports = ring(20)
        km = self.lengths(airports)
        trip = worker.untangle(list(range(20)), km, Meter(1_000_000))
        self.assertEqual(sorted(trip), list(range(20)))
        places = [int(airports[stop].code[1:]) for stop in trip]
        steps = {(b - a) % 20 for a, b in zip(places, [*places[1:], places[0]], strict=True)}
        self.assertIn(steps, ({1}, {19}))

    def test_no_turn_is_left_that_helps(self) -> None:
        """For a few airports the result is close to the best of all orders."""
        airports = [BOSTON, NEW_YORK, *ring(5)]
        km = self.lengths(airports)
        trip = worker.untangle(worker.nearest_first(km, Meter(10_000)), km, Meter(10_000))
        best = min(worker.length_km([0, *order], km) for order in permutations(range(1, 7)))
        self.assertLessEqual(worker.length_km(trip, km), 1.05 * best)

    def test_the_first_trip_takes_the_nearest(self) -> None:
        """Every airport once, and the nearest first."""
        km = self.lengths([BOSTON, SYDNEY, NEW_YORK])
        self.assertEqual(worker.nearest_first(km, Meter(100)), [0, 2, 1])


class Items(unittest.TestCase):
    """What Headway sees."""

    def work(
        self, item_row: object, airports: list[Airport], attempt: int = 1
    ) -> dict[str, object]:
        """The answer to one item."""
        return worker.work({"index": 3, "attempt": attempt, "input": item_row}, airports)

    def error(self, item_row: object, airports: list[Airport]) -> tuple[object, object]:
        """The code of the error and whether another attempt may help."""
        answer = self.work(item_row, airports)
        self.assertNotIn("output", answer)
        error = answer["error"]
        assert isinstance(error, dict)
        return error["code"], error["retryable"]

    def test_a_trip_and_its_usage(self) -> None:
        """The trip begins at home and visits what is near, and nothing else."""
        answer = self.work(row("BOS", "42.3643475", "-71.00517917"), [BOSTON, PROVIDENCE, SYDNEY])
        self.assertEqual(answer["index"], 3)
        output = answer["output"]
        assert isinstance(output, dict)
        self.assertEqual(output["trip"], ["BOS", "PVD"])
        self.assertAlmostEqual(output["km"], 2 * BOSTON.distance_km(PROVIDENCE), places=1)
        # 3 to find who is near, 1 between the two, 1 for the next stop.
        self.assertEqual(answer["usage"], {"sku": "round-trip", "items": 1, "distances": 5})

    def test_rows_that_cannot_be_worked_on(self) -> None:
        """Each with its own code; another attempt does not help."""
        lonely = row("SYD", "-33.9", "151.2")
        self.assertEqual(self.error(lonely, [BOSTON]), ("no_neighbour", False))
        nowhere = row("X", "91", "0")
        self.assertEqual(self.error(nowhere, [BOSTON]), ("bad_coordinates", False))
        self.assertEqual(self.error(row("X", "", "0"), [BOSTON]), ("bad_coordinates", False))
        self.assertEqual(self.error(row("X", "nan", "0"), [BOSTON]), ("bad_coordinates", False))
        self.assertEqual(self.error(row("X", "1", "1", "NA"), []), ("incomplete_record", False))
        self.assertEqual(self.error("BOS", [BOSTON]), ("bad_input", False))

    def test_a_hard_item_succeeds_on_a_later_attempt(self) -> None:
        """The limit doubles, so how many attempts an item takes is always the same."""
        airports = ring(61)
        item = row("HOME", "40", "-90")
        limit, worker.FIRST_LIMIT = worker.FIRST_LIMIT, 4_000
        self.addCleanup(setattr, worker, "FIRST_LIMIT", limit)
        first = self.work(item, airports)
        self.assertEqual(self.error(item, airports), ("search_limit", True))
        self.assertEqual(first["usage"], {"sku": "round-trip", "items": 1, "distances": 4_000})
        self.assertIn("output", self.work(item, airports, attempt=5))

    def test_the_limit_is_an_error_of_its_own(self) -> None:
        """Counting stops there."""
        meter = Meter(10)
        meter.count(10)
        with self.assertRaises(ItemError):
            meter.count(1)

    def test_a_stream_is_answered_line_by_line(self) -> None:
        """One line out for each line in."""
        items = [
            json.dumps({"index": index, "attempt": 1, "input": row("BOS", "42.36", "-71.0")})
            for index in (8, 2)
        ]
        out = io.StringIO()
        worker.serve(items, out, [BOSTON, PROVIDENCE])
        self.assertEqual(
            [json.loads(line)["index"] for line in out.getvalue().splitlines()], [8, 2]
        )

    def test_the_list_of_airports(self) -> None:
        """Every row of the file has a place and a code of its own."""
        with (worker.Path(worker.__file__).parent / "airports.csv").open(encoding="utf-8") as file:
            airports = worker.read_airports(file)
        self.assertEqual(len(airports), 3376)
        self.assertEqual(len({airport.code for airport in airports}), 3376)


if __name__ == "__main__":
    unittest.main()
