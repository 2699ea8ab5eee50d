"""One analysis of the weather record: what its months were like, how its years differ, what was unusual.

Reads the request from standard input and prints the result as JSON. In between it prints lines that
report: phases that begin at 10, 25, 50 and 90 percent, each pair of years within the longest of them,
and what is known of the months before it is known how sure that is. Python's standard library alone.
"""

from __future__ import annotations

import csv
import itertools
import json
import random
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RECORD = Path(__file__).parent / "weather.csv"

ROUNDS = 1_000
"""How often chance is asked, where the request does not say."""

SEASONS = {"winter": (12, 1, 2), "spring": (3, 4, 5), "summer": (6, 7, 8), "autumn": (9, 10, 11)}

DRY_MM = 0.3
"""Less than that in a day counts as dry."""


class RequestError(Exception):
    """A request that cannot be carried out, in words for whoever made it."""


@dataclass(frozen=True, slots=True)
class Day:
    """One row of the record."""

    on: date
    rain_mm: float
    highest: float
    lowest: float
    wind: float

    @property
    def is_dry(self) -> bool:
        """Whether it rained less than one can feel."""
        return self.rain_mm < DRY_MM


@dataclass(frozen=True, slots=True)
class Request:
    """What to analyse."""

    years: tuple[int, ...]
    rounds: int
    seed: int

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Request:
        """The request of a client, with defaults for what it leaves open."""
        unknown = set(given) - {"years", "rounds", "seed"}
        if unknown:
            raise RequestError(f"There is no `{min(unknown)}` in a request: use years, rounds and seed.")
        years, rounds, seed = given.get("years", []), given.get("rounds", ROUNDS), given.get("seed", 1)
        if not isinstance(years, list) or not all(isinstance(year, int) for year in years):
            raise RequestError("`years` must be a list of whole numbers, such as [2012, 2013].")
        if not isinstance(rounds, int) or rounds < 1:
            raise RequestError("`rounds` must be a whole number of 1 or more.")
        if not isinstance(seed, int):
            raise RequestError("`seed` must be a whole number.")
        return cls(tuple(years), rounds, seed)


def report(**event: object) -> None:
    """Says something to the node, in a line that is no part of the result."""
    print(json.dumps({"headway": event}), flush=True)


def progress(percent: float, phase: str) -> None:
    """The analysis moved."""
    report(type="progress", percent=percent, phase=phase)


def read_days(lines: Iterable[str], years: Sequence[int]) -> list[Day]:
    """The days of some years, of all unless some are named."""
    days = [
        Day(
            date.fromisoformat(row["date"]),
            float(row["precipitation"]),
            float(row["temp_max"]),
            float(row["temp_min"]),
            float(row["wind"]),
        )
        for row in csv.DictReader(lines)
    ]
    known = sorted({day.on.year for day in days})
    missing = [year for year in years if year not in known]
    if missing:
        raise RequestError(f"The record has no year {missing[0]}: it begins in {known[0]} and ends in {known[-1]}.")
    return [day for day in days if not years or day.on.year in years]


def of_year(days: Iterable[Day], year: str) -> list[Day]:
    """The days of one year."""
    return [day for day in days if str(day.on.year) == year]


def by_month(days: Iterable[Day]) -> dict[tuple[str, str], list[Day]]:
    """The days of each month of each year, by both as they stand in a date."""
    months: dict[tuple[str, str], list[Day]] = {}
    for day in days:
        months.setdefault((f"{day.on:%Y}", f"{day.on:%m}"), []).append(day)
    return months


def summary(days: Sequence[Day]) -> dict[str, Any]:
    """What a month was like."""
    hottest = max(days, key=lambda day: day.highest)
    return {
        "days": len(days),
        "rain": {"total_mm": round(sum(day.rain_mm for day in days), 1), "days": sum(not day.is_dry for day in days)},
        "temperature": {
            "mean_of_highest": round(fmean(day.highest for day in days), 2),
            "hottest": {"on": hottest.on.isoformat(), "highest": hottest.highest},
        },
    }


def interval(values: Sequence[float], rounds: int, chance: random.Random) -> list[float]:
    """Between what the mean lies in 95 of 100 draws of as many days (the bootstrap's percentiles)."""
    means = sorted(fmean(chance.choices(values, k=len(values))) for _ in range(rounds))
    return [round(means[int(rounds * 0.025)], 2), round(means[min(int(rounds * 0.975), rounds - 1)], 2)]


def comparison(one: Sequence[float], other: Sequence[float], rounds: int, chance: random.Random) -> dict[str, float]:
    """How far two means are apart, and how often days dealt out by chance are as far (a permutation test)."""
    apart = fmean(one) - fmean(other)
    days, further = [*one, *other], 0
    for _ in range(rounds):
        chance.shuffle(days)
        further += abs(fmean(days[: len(one)]) - fmean(days[len(one) :])) >= abs(apart)
    return {"degrees": round(apart, 2), "by_chance": round((further + 1) / (rounds + 1), 4)}


def longest(days: Sequence[Day], counts: Callable[[Day], bool]) -> dict[str, Any] | None:
    """The longest run of days of a sort, if there is a day of it."""
    runs = [list(run) for wanted, run in itertools.groupby(days, key=counts) if wanted]
    if not runs:
        return None
    run = max(runs, key=len)
    return {"days": len(run), "from": run[0].on.isoformat(), "to": run[-1].on.isoformat()}


def spells(days: Sequence[Day], rounds: int, chance: random.Random) -> dict[str, Any]:
    """What was unusual; `null` where there was no such day."""
    dry = longest(days, lambda day: day.is_dry)
    if dry is not None:
        shuffled, as_long = list(days), 0
        for _ in range(rounds):
            chance.shuffle(shuffled)
            run = longest(shuffled, lambda day: day.is_dry)
            as_long += run is not None and run["days"] >= dry["days"]
        dry["by_chance"] = round((as_long + 1) / (rounds + 1), 4)
    return {
        "dry": dry,
        "above_30_degrees": longest(days, lambda day: day.highest > 30),
        "below_minus_10_degrees": longest(days, lambda day: day.lowest < -10),
    }


def wet_pairs(days: Sequence[Day]) -> int:
    """How many wet days follow a wet one."""
    return sum(not one.is_dry and not following.is_dry for one, following in itertools.pairwise(days))


def persistence(days: Sequence[Day], rounds: int, chance: random.Random) -> dict[str, Any]:
    """Whether rain today tells anything of tomorrow: against the same days in any order."""
    found = wet_pairs(days)
    shuffled, drawn = list(days), []
    for _ in range(rounds):
        chance.shuffle(shuffled)
        drawn.append(wet_pairs(shuffled))
    as_many = sum(count >= found for count in drawn)
    return {
        "wet_after_wet": {"days": found, "in_any_order": round(fmean(drawn), 1)},
        "by_chance": round((as_many + 1) / (rounds + 1), 4),
    }


def analyse(request: Request) -> dict[str, Any]:
    """The whole analysis."""
    chance = random.Random(request.seed)
    progress(10, "summarising_months")
    with RECORD.open(encoding="utf-8", newline="") as file:
        days = read_days(file, request.years)
    months = by_month(days)
    years: dict[str, Any] = {}
    for (year, month), inside in months.items():
        years.setdefault(year, {"months": {}})["months"][month] = summary(inside)
    report(type="partial", name="months", data=years)
    for (year, month), inside in months.items():
        found = interval([day.highest for day in inside], request.rounds, chance)
        years[year]["months"][month]["temperature"]["interval"] = found

    progress(25, "relating_days")
    for year, told in years.items():
        told["persistence"] = persistence(of_year(days, year), request.rounds, chance)

    progress(50, "comparing_years")
    pairs = list(itertools.combinations(years, 2))
    compared: dict[str, Any] = {}
    for place, (one, other) in enumerate(pairs):
        for name, season in SEASONS.items():
            first, second = (
                [day.highest for day in of_year(days, year) if day.on.month in season]
                for year in (one, other)
            )
            difference = comparison(first, second, request.rounds, chance)
            compared.setdefault(f"{one} and {other}", {})[name] = difference
        progress(50 + 40 * (place + 1) / (len(pairs) + 1), "comparing_years")

    progress(90, "judging_spells")
    for year, told in years.items():
        told["spells"] = spells(of_year(days, year), request.rounds, chance)
    return {"station": "Seattle", "days": len(days), "years": years, "compared": compared}


def main() -> int:
    """Answers one request."""
    try:
        result = analyse(Request.read(json.loads(sys.stdin.readline())))
    except RequestError as error:
        print(error, file=sys.stderr)
        return 1
    progress(100, "done")
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
