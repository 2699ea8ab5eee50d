"""Plans a round trip from each airport to all airports near it.

A worker in Headway's `stream` mode: a line of JSON in for each item, a line of JSON out for each
answer, for as long as standard input is open. It needs nothing but Python.

The trip is built by always flying to the nearest airport that is still missing, and then improved
by turning round stretches of it as long as that makes it shorter (2-opt). How much there is to look
at depends on how many airports are near: from none on an island to over two hundred around Chicago.
Every distance that is looked at counts as one unit, so what an item costs is known only afterwards.
"""

from __future__ import annotations

import csv
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the Earth, IUGG 1980."""

NEAR_KM = 300.0
"""Airports at most so far away are visited."""

FIRST_LIMIT = 200_000
"""Distances that a first attempt may look at; each further attempt may look at twice as many."""

SKU = "round-trip"

Usage = dict[str, "str | int"]


@dataclass(frozen=True, slots=True)
class Airport:
    """One row of the list, with its place as a point on the unit sphere."""

    code: str
    x: float
    y: float
    z: float

    @classmethod
    def at(cls, code: str, latitude: float, longitude: float) -> Airport:
        """The airport at a latitude and a longitude in degrees."""
        north, east = math.radians(latitude), math.radians(longitude)
        return cls(
            code,
            math.cos(north) * math.cos(east),
            math.cos(north) * math.sin(east),
            math.sin(north),
        )

    def distance_km(self, other: Airport) -> float:
        """The great-circle distance."""
        chord = math.dist((self.x, self.y, self.z), (other.x, other.y, other.z))
        return 2 * EARTH_RADIUS_KM * math.asin(min(1.0, chord / 2))


class ItemError(Exception):
    """An item that cannot be worked on, or not yet."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        """`code` is a word for programs, `message` a sentence for people."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable

    def answer(self) -> dict[str, object]:
        """The error as Headway wants it."""
        return {"code": self.code, "message": self.message, "retryable": self.retryable}


class Meter:
    """Counts the distances that are looked at, up to a limit."""

    def __init__(self, limit: int) -> None:
        """`limit` distances may be counted."""
        self.limit = limit
        self.distances = 0

    def count(self, distances: int) -> None:
        """Counts some more, or says that the limit is reached."""
        self.distances += distances
        if self.distances > self.limit:
            raise ItemError(
                "search_limit",
                f"No good round trip within {self.limit:,} distances. "
                "The next attempt may look at twice as many.",
                retryable=True,
            )


def read_airports(lines: Iterable[str]) -> list[Airport]:
    """The airports of a CSV file; rows without a place on Earth are left out."""
    airports = []
    for row in csv.DictReader(lines):
        try:
            airports.append(place_of(row))
        except ItemError:
            continue
    return airports


def place_of(row: Mapping[str, str]) -> Airport:
    """The airport that a row tells of."""
    try:
        latitude, longitude = float(row["latitude"]), float(row["longitude"])
    except (KeyError, TypeError, ValueError):
        raise ItemError("bad_coordinates", "The row has no latitude and longitude.") from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        raise ItemError("bad_coordinates", f"{latitude}, {longitude} is not on Earth.")
    return Airport.at(row.get("custom_id", ""), latitude, longitude)


def check_record(row: Mapping[str, str]) -> None:
    """Refuses rows in which the source left out where the airport is."""
    missing = [name for name in ("city", "state") if row.get(name) in (None, "", "NA")]
    if missing:
        raise ItemError(
            "incomplete_record", f"The record does not tell the {' and '.join(missing)}."
        )


def near(home: Airport, airports: Sequence[Airport]) -> list[Airport]:
    """All other airports that are near, the nearest first."""
    others = ((home.distance_km(other), other) for other in airports if other.code != home.code)
    found = sorted(((km, other.code, other) for km, other in others if km <= NEAR_KM))
    if not found:
        raise ItemError("no_neighbour", f"There is no other airport within {NEAR_KM:g} km.")
    return [other for _, _, other in found]


def length_km(trip: Sequence[int], km: Sequence[Sequence[float]]) -> float:
    """The length of a round trip."""
    return sum(km[a][b] for a, b in zip(trip, [*trip[1:], trip[0]], strict=True))


def nearest_first(km: Sequence[Sequence[float]], meter: Meter) -> list[int]:
    """A round trip from airport 0 that always flies to the nearest one that is still missing."""
    trip, missing = [0], set(range(1, len(km)))
    while missing:
        meter.count(len(missing))
        row = km[trip[-1]]
        following = min(missing, key=lambda stop: (row[stop], stop))
        trip.append(following)
        missing.remove(following)
    return trip


def untangle(trip: list[int], km: Sequence[Sequence[float]], meter: Meter) -> list[int]:
    """The trip with stretches turned round as long as that makes it shorter."""
    stops = len(trip)
    better = True
    while better:
        better = False
        for first in range(stops - 2):
            meter.count(2 * (stops - first - 2))
            a, b = trip[first], trip[first + 1]
            for last in range(first + 2, stops):
                c, d = trip[last], trip[(last + 1) % stops]
                if d == a:
                    continue
                if km[a][c] + km[b][d] + 1e-9 < km[a][b] + km[c][d]:
                    trip[first + 1 : last + 1] = trip[first + 1 : last + 1][::-1]
                    b = trip[first + 1]
                    better = True
    return trip


def plan(row: Mapping[str, str], airports: Sequence[Airport], meter: Meter) -> dict[str, object]:
    """The round trip from the airport of a row."""
    check_record(row)
    home = place_of(row)
    stops = [home, *near(home, airports)]
    meter.count(len(airports))
    km = [[one.distance_km(other) for other in stops] for one in stops]
    meter.count(len(stops) * (len(stops) - 1) // 2)
    trip = nearest_first(km, meter)
    first_km = length_km(trip, km)
    trip = untangle(trip, km, meter)
    best_km = length_km(trip, km)
    return {
        "airports": len(stops) - 1,
        "km": round(best_km, 1),
        "saved_percent": round(100 * (1 - best_km / first_km), 1),
        "trip": [stops[stop].code for stop in trip],
    }


def work(item: Mapping[str, object], airports: Sequence[Airport]) -> dict[str, object]:
    """The answer to one item."""
    attempt, row = item.get("attempt", 1), item.get("input")
    meter = Meter(FIRST_LIMIT * 2 ** (max(1, attempt if isinstance(attempt, int) else 1) - 1))
    answer: dict[str, object] = {"index": item["index"]}
    try:
        if not isinstance(row, dict):
            raise ItemError("bad_input", "The input is not a row of the list of airports.")
        answer["output"] = plan(row, airports, meter)
    except ItemError as error:
        answer["error"] = error.answer()
    answer["usage"] = {"sku": SKU, "items": 1, "distances": min(meter.distances, meter.limit)}
    return answer


def serve(items: Iterable[str], answers: TextIO, airports: Sequence[Airport]) -> None:
    """Answers items until there are no more."""
    for line in items:
        print(json.dumps(work(json.loads(line), airports)), file=answers, flush=True)


def main() -> None:
    """Reads the list of airports beside this file and serves standard input."""
    with (Path(__file__).parent / "airports.csv").open(encoding="utf-8", newline="") as file:
        airports = read_airports(file)
    serve(sys.stdin, sys.stdout, airports)


if __name__ == "__main__":
    main()
