"""Writes `leads.csv`: 400 leads of companies that do not exist. The same ones every time.

Names are put together from syllables, websites end in `.example`, which nobody can register, and
nobody is named. Eleven rows tell too little to be scored, as rows of a real export do.
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

LEADS = 400
SEED = 4323

COLUMNS = ("custom_id", "company", "website", "industry", "country", "employees", "source", "note")

SYLLABLES = """\
bren cal dor elm fen gor hal ist jun kel lor mar nev ost pel quor rin sel tor ulm ven wix
a e i o u ara eli ivo oma usti
bert dale field holt lund mere nix port rode stead thorn wick zan
"""
"""Beginnings, middles and ends of names, a line each."""

TRADES = {
    "software": ("Systems", "Software", "Data"),
    "machinery": ("Tooling", "Pumps", "Presses"),
    "logistics": ("Freight", "Cold Chain", "Cartage"),
    "retail": ("Stores", "Outfitters", "Provisions"),
    "health": ("Clinics", "Laboratories", "Care"),
    "food": ("Mills", "Dairies", "Preserves"),
    "energy": ("Solar", "Grid", "Heat"),
}
COUNTRIES = ("AT", "BE", "CA", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PL", "SE", "US")
SOURCES = ("webinar", "trade fair", "trial", "newsletter", "referral", "download")
NOTES = (
    "Asked for a price list.",
    "Wants to see it run on their own data before they decide.",
    "Replaces a tool that was written in house and has nobody left who knows it.",
    "Budget is set for the next quarter.",
    "Only looking around for now.",
    "Two plants, a third one opens in autumn.",
    "Compares three offers and wants an answer by the end of the month.",
    "Needs it to run without a connection to the outside.",
    "Has to go through purchasing, which takes about six weeks.",
    "Came back after a year.",
    "The trial was used every day.",
    "Would like a call, and a written answer about how long records are kept.",
)
BAD_EMPLOYEES = ("unknown", "many", "50-100", "", "see note", "n/a", "1oo")


def leads() -> list[dict[str, str]]:
    """All rows."""
    chance = random.Random(SEED)
    bad = chance.sample(range(LEADS), 11)
    names: set[str] = set()
    rows = []
    for place in range(LEADS):
        row = lead(chance, place, names)
        if place in bad[: len(BAD_EMPLOYEES)]:
            row["employees"] = BAD_EMPLOYEES[bad.index(place)]
        elif place in bad:
            row["country"] = ""
        rows.append(row)
    return rows


def lead(chance: random.Random, place: int, names: set[str]) -> dict[str, str]:
    """One row, with a name that is not among `names` yet."""
    industry = chance.choice(list(TRADES))
    syllables = [line.split() for line in SYLLABLES.splitlines()]
    while True:
        word = "".join(chance.choice(part) for part in syllables)
        if word not in names:
            names.add(word)
            break
    return {
        "custom_id": f"lead-{place + 1:04}",
        "company": f"{word.capitalize()} {chance.choice(TRADES[industry])}",
        "website": f"https://{word}.example",
        "industry": industry,
        "country": chance.choice(COUNTRIES),
        "employees": str(round(chance.lognormvariate(4, 1.3)) + 1),
        "source": chance.choice(SOURCES),
        "note": " ".join(chance.sample(NOTES, chance.randint(0, 6))),
    }


def main() -> None:
    """Writes the file beside this one."""
    with (Path(__file__).parent / "leads.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(leads())


if __name__ == "__main__":
    main()
