"""Scores 400 leads and tells what that was expected to cost, what it cost, and which ones failed.

Starts the service and a node on free ports, submits the leads as a batch, follows it, and stops both.
`python3 run.py --help` says what can be tried.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from client import Client, RequestError, merged
from items import SKU, lines, rows
from processes import StartError, started

if TYPE_CHECKING:
    from collections.abc import Sequence

    from processes import Running

WATCHED = "events=items,budget_warning"
ENDED = ("completed", "failed", "cancelled", "expired")


def follow(client: Client, batch: str, larger_budget: str | None) -> dict[str, Any]:
    """Prints what comes until the batch has ended; gives its document.

    A batch that its budget has paused is resumed with the larger one, and cancelled if there is none.
    """
    state: dict[str, Any] = {}
    for message in client.watch(batch, WATCHED):
        kind = message["type"]
        if kind == "event":
            tell_event(message["event"])
            continue
        if kind not in ("snapshot", "update"):
            continue
        before = state.get("status")
        state = message["state"] if kind == "snapshot" else merged(state, message["patch"])
        tell_state(state)
        if state["status"] == "paused" and before != "paused":
            print(f"    paused: {state['error']['message']}")
            if larger_budget is None:
                client.post(f"/api/v1/jobs/{batch}/cancel", {})
            else:
                print(f"    going on with a budget of {money(larger_budget)}")
                client.post(f"/api/v1/jobs/{batch}/resume", {"max_budget": larger_budget})
                larger_budget = None
    return client.get(f"/api/v1/jobs/{batch}")


def tell_state(state: dict[str, Any]) -> None:
    """One line for one state."""
    items, cost, progress = state["items"], state["cost"], state["progress"]
    line = f"{state['status']:9} {progress.get('percent', 0):3.0f} %  "
    line += f"{items['succeeded']:3} scored, {items['failed']:2} failed, {items['retrying']} retrying  "
    line += f"{money(cost['spent'])} spent"
    if "forecast" in cost and state["status"] not in ENDED:
        low, high = money(cost["forecast_low"]), money(cost["forecast_high"])
        line += f", forecast {money(cost['forecast'])} ({low} to {high})"
    if "eta_ms" in progress:
        line += f", {progress['eta_ms'] / 1000:.0f} s left"
    print(line)


def tell_event(event: dict[str, Any]) -> None:
    """A line for each lead that failed for good, and for each warning."""
    if event["type"] == "budget_warning":
        which = "soft budget" if event.get("soft") else f"budget of {money(event['budget'])}"
        print(f"    warning: {event['percent']:.0f} % of the {which} is spent or held")
    for failed in event.get("failed", ()):
        print(f"    {failed['custom_id']} (index {failed['index']}): {failed['error']['message']}")


def tell_cost(client: Client, costs: Path, job: dict[str, Any], estimate: dict[str, Any]) -> None:
    """The estimate, what it came to, and what the batch factor saved."""
    final, expected = Decimal(job["cost"]["spent"]), Decimal(estimate["mid"])
    apart = abs(final - expected) / final * 100
    print(f"Estimate {money(expected)}, final {money(final)}: {apart:.1f} % apart.")
    rates = json.loads(costs.read_text(encoding="utf-8"))["rates"][SKU]
    full = sum(
        (
            used * Decimal(rates[unit])
            for result in client.results(job["id"])
            if result["status"] == "succeeded"
            for unit, used in result["output"]["usage"].items()
        ),
        Decimal(0),
    )
    print(f"At the rates without batch_factor: {money(full)}.")


def tell_failures(client: Client, batch: str) -> None:
    """Why leads failed, alike ones together."""
    errors = client.get(f"/api/v1/batches/{batch}/errors")
    print(f"{errors['failed']} leads failed:")
    for group in errors["groups"]:
        print(f"  {group['count']:2} x {group['code']}, such as")
        for example in group["examples"]:
            print(f"     {example['custom_id']}: {example['message']}")


def tell_service(address: str) -> None:
    """What the service answered, repeats among it."""
    answered = Client(address).get("/stats")["answered"]
    print("The service answered " + ", ".join(f"{count} x {status}" for status, count in answered.items()))


def money(amount: str | Decimal) -> str:
    """An amount, to a cent's hundredth."""
    return f"${Decimal(amount):.4f}"


def options(chosen: argparse.Namespace, kind: dict[str, Any]) -> dict[str, Any]:
    """How the batch is run: as its kind says, but for what was asked."""
    asked: dict[str, Any] = {"kind": "leads", "name": "Leads", "tags": ["example"]}
    if chosen.rate is not None:
        asked["rate"] = {"count": chosen.rate}
    if chosen.budget is not None:
        asked["budget"] = {**kind["budget"], "max_budget": chosen.budget, "soft_budget": None}
    return asked


def run(chosen: argparse.Namespace, running: Running) -> int:
    """The run itself; gives the exit code."""
    client = Client(running.node)
    kind = next(kind for kind in client.get("/api/v1/kinds")["kinds"] if kind["name"] == "leads")
    asked, items = options(chosen, kind), lines(rows())
    estimate = client.submit("/api/v1/estimates", asked, items)
    job = client.submit("/api/v1/batches", asked, items)
    print(f"{estimate['items']} leads, estimated at {money(estimate['mid'])} ({estimate['method']})")
    print(f"{running.node}/#/batches/{job['id']}")
    job = follow(client, job["id"], kind["budget"]["max_budget"] if chosen.budget else None)
    tell_cost(client, running.costs, job, estimate)
    tell_failures(client, job["id"])
    tell_service(running.service)
    if chosen.stay:
        print("The node stays until you press Enter.")
        sys.stdin.readline()
    return 0 if job["status"] == "completed" else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the command line and runs."""
    parser = argparse.ArgumentParser(description="Scores 400 leads with a local service.")
    parser.add_argument("--rate", type=int, metavar="N", help="leads that may start in a second")
    parser.add_argument("--budget", metavar="AMOUNT", help="pause at it, then go on with the kind's")
    parser.add_argument("--listen", default="127.0.0.1:0", help="where the node listens")
    parser.add_argument(
        "--slowness", type=float, default=1.0, help="of the service; 0.1 is ten times as fast"
    )
    parser.add_argument("--stay", action="store_true", help="keep the node, to look at its page")
    chosen = parser.parse_args(arguments)
    # Lines come as they are printed, also through a pipe.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)
    # Ended from outside, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        with started(chosen.slowness, chosen.listen) as running:
            return run(chosen, running)
    except (StartError, RequestError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
