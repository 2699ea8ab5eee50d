"""From rows of `leads.csv` to items of a batch that say what they are expected to use.

The file can also be handed over as it is (`headway batch run leads.csv --kind leads`): every lead is
then expected to use what `headway.toml` says. Here each says so itself, from what is known of it
beforehand: a long note takes longer to read and gives more to write about.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

LEADS = Path(__file__).parent / "leads.csv"
SKU = "lead-scorer"


def rows() -> list[dict[str, str]]:
    """The leads, as they stand in the file."""
    with LEADS.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def declared(lead: dict[str, str]) -> dict[str, str | int]:
    """What scoring a lead is expected to use; fitted to leads that were scored before."""
    letters = sum(len(value) for value in lead.values())
    return {
        "sku": SKU,
        "input_tokens": 414 + 3 * letters // 10,
        "output_tokens": 113 + len(lead["note"]) // 5,
    }


def item(lead: dict[str, str]) -> dict[str, object]:
    """A lead as an item."""
    return {"custom_id": lead["custom_id"], "input": lead, "estimate": declared(lead)}


def lines(leads: list[dict[str, str]]) -> bytes:
    """The items of some leads as JSON Lines."""
    return "".join(json.dumps(item(lead)) + "\n" for lead in leads).encode()
