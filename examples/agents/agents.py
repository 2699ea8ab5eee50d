"""Four agents and what each finds in the prices: plain functions that know nothing of a server.

An agent gets a `Desk`, on which it says what it is busy with. Whether anybody hears it is no concern of
the agent's.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import correlation, fmean, linear_regression
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

PRICES = Path(__file__).parent / "prices.json"

ENOUGH = 0.5
"""A line that explains less of what it is drawn through is no trend."""

Finding = dict[str, Any]


class Year(NamedTuple):
    """A row: shillings for a quarter of wheat (about 218 kg), and for a week of a mechanic's work."""

    year: int
    wheat: float
    wages: float | None


class Paid(NamedTuple):
    """A year of which the wages are known."""

    year: int
    wheat: float
    wages: float

    @property
    def weeks(self) -> float:
        """How many weeks of work a quarter of wheat costs."""
        return self.wheat / self.wages


class NoTrendError(Exception):
    """A line explains too little."""


class Desk(Protocol):
    """What an agent is given."""

    def task(self, name: str) -> AbstractContextManager[None]:
        """A task begins, and ends with the block."""

    def note(self, message: str, **fields: object) -> None:
        """Something that people may want to know."""


def research(desk: Desk) -> list[Year]:
    """Reads the prices and looks at what is missing."""
    with desk.task("Reading prices"):
        rows = json.loads(PRICES.read_text(encoding="utf-8"))
        years = [Year(int(row["year"]), row["wheat"], row.get("wages")) for row in rows]
    with desk.task("Looking for gaps"):
        without = [year.year for year in years if year.wages is None]
        desk.note(f"{len(years)} years, {len(without)} of them without wages", without=without)
    return years


def paid(years: Sequence[Year]) -> list[Paid]:
    """The years of which the wages are known."""
    return [Paid(year.year, year.wheat, year.wages) for year in years if year.wages is not None]


def analyse(desk: Desk, years: Sequence[Year]) -> Finding:
    """What wheat cost in each half century, in shillings and in weeks of work."""
    with desk.task("Averaging half centuries"):
        halves: dict[int, list[Paid]] = {}
        for year in paid(years):
            halves.setdefault(year.year // 50 * 50, []).append(year)
        averages = {
            f"{start} to {start + 49}": {
                "shillings": round(fmean(year.wheat for year in half), 1),
                "weeks_of_work": round(fmean(year.weeks for year in half), 1),
            }
            for start, half in halves.items()
        }
    with desk.task("Finding the dearest and the cheapest year"):
        dearest = max(paid(years), key=lambda year: year.weeks)
        cheapest = min(paid(years), key=lambda year: year.weeks)
    return {
        "half_centuries": averages,
        "dearest": {"year": dearest.year, "weeks_of_work": round(dearest.weeks, 1)},
        "cheapest": {"year": cheapest.year, "weeks_of_work": round(cheapest.weeks, 1)},
    }


def find_trend(desk: Desk, years: Sequence[Year], *, in_work: bool) -> Finding:
    """A line through the prices, in shillings or in weeks of work."""
    unit = "weeks of work" if in_work else "shillings"
    with desk.task(f"Drawing a line through the prices in {unit}"):
        known = paid(years)
        when = [float(year.year) for year in known]
        prices = [year.weeks if in_work else year.wheat for year in known]
        explained = correlation(when, prices) ** 2
        slope, _ = linear_regression(when, prices)
    if explained < ENOUGH:
        raise NoTrendError(f"A line explains {explained:.0%} of the prices in {unit}, less than {ENOUGH:.0%}")
    return {"unit": unit, "in_a_century": round(100 * slope, 1), "explained": round(explained, 2)}


def write_report(desk: Desk, analysis: Finding, trend: Finding) -> str:
    """Sentences."""
    with desk.task("Writing"):
        dearest, cheapest = analysis["dearest"], analysis["cheapest"]
        return (
            f"A quarter of wheat cost {dearest['weeks_of_work']} weeks of work in {dearest['year']} and "
            f"{cheapest['weeks_of_work']} in {cheapest['year']}. In a century the price changed by "
            f"{trend['in_a_century']} {trend['unit']}; a line explains {trend['explained']:.0%} of it."
        )
