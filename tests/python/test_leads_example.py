"""The example of the leads, with the real program: its cost, its budget, its failures, its watchers."""

import json
import math
import os
import re
import subprocess
import sys
import threading
import unittest
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

from websockets.sync.client import connect

from bounded import PATIENCE, Bounded, joined, within
from server import PROGRAM
from whole_run import running

EXAMPLE = Path(__file__).parents[2] / "examples" / "leads"
sys.path.insert(0, str(EXAMPLE))
os.environ.setdefault("HEADWAY_BIN", PROGRAM)

from client import Client, merged  # noqa: E402
from items import SKU, declared, lines, rows  # noqa: E402
from processes import started  # noqa: E402

RATES = json.loads((EXAMPLE / "costs.json").read_text())["rates"][SKU]
CONCURRENCY = 24
WHOLE_S = 2 * PATIENCE
"""Four hundred leads at 40 in a second, on a machine that has much else to do."""
UNSCORABLE = [row for row in rows() if not (row["country"] and row["employees"].isdecimal())]


def price(usage, factor=Decimal(RATES["batch_factor"])):
    """What a usage costs, at the rates of the example's file."""
    return factor * sum(
        count * Decimal(RATES[unit]) for unit, count in usage.items() if unit != "sku"
    )


def booked(results):
    return sum((Decimal(result["cost"] or 0) for result in results), Decimal(0))


def by_status(results, status):
    return [result for result in results if result["status"] == status]


class Watched:
    """The messages of one watcher, gathered in a thread of its own until the stream ends."""

    def __init__(self, messages):
        self.frames = []
        self.status_changes = 0
        self.ended_with = None
        self._failure = None
        self._state = {}
        self._thread = threading.Thread(target=self._read, args=(messages,), daemon=True)
        self._thread.start()

    def _read(self, messages):
        try:
            for message in messages:
                if message["type"] == "snapshot":
                    self._state = message["state"]
                elif message["type"] == "update":
                    before = self._state["status"]
                    self._state = merged(self._state, message["patch"])
                    self.frames.append(self._state)
                    self.status_changes += self._state["status"] != before
                elif message["type"] == "end":
                    self.ended_with = message["status"]
                    return
        except Exception as failure:
            self._failure = failure

    def finish(self):
        joined(self._thread, f"the end of the batch after {len(self.frames)} states", WHOLE_S)
        if self._failure:
            raise self._failure
        return self

    @property
    def held_back(self):
        """State frames that brought no new status."""
        return len(self.frames) - self.status_changes


def socket_messages(socket, job):
    socket.send(json.dumps({"type": "subscribe", "id": "1", "job": job}))
    for text in socket:
        yield json.loads(text)


def metric(text, name, **labels):
    """The sum of a metric's samples with these labels."""
    total, found = 0.0, False
    for line in text.splitlines():
        sample = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if sample and all(
            f'{label}="{value}"' in (sample[1] or "") for label, value in labels.items()
        ):
            total, found = total + float(sample[2]), True
    if not found:
        raise AssertionError(f"no {name} {labels} in\n{text}")
    return total


class WholeRunTest(Bounded):
    """`run.py` as a reader runs it, looked at from outside."""

    def test_a_run_tells_cost_and_failures_and_its_watchers_are_not_flooded(self):
        pipe = subprocess.PIPE
        run = self.enterContext(running(EXAMPLE / "run.py", "--stay", stdin=pipe, stdout=pipe))
        with within(PATIENCE, "the beginning of the batch"):
            said = [run.stdout.readline(), run.stdout.readline()]
        found = re.fullmatch(r"(http://\S+)/#/batches/(\S+)\n", said[1])
        self.assertTrue(found, said)
        node, batch = Client(found[1]), found[2]

        with ExitStack() as stack:
            address = node.url.replace("http", "ws", 1) + "/api/v1/stream"
            socket = stack.enter_context(connect(address, subprotocols=["headway.v1"]))
            by_socket = Watched(socket_messages(socket, batch))
            by_events = Watched(node.watch(batch))
            at_once = Watched(node.watch(batch, "min_interval_ms=0"))
            # run.py's third line for a state that moves: all watchers have long been connected.
            with within(PATIENCE, "the fourth state of the batch"):
                said += [run.stdout.readline() for _ in range(4)]
            during = node.text("/metrics")
            watchers = [watched.finish() for watched in (by_socket, by_events, at_once)]
        with within(PATIENCE, "the end of what run.py tells"):
            for line in run.stdout:
                said.append(line)
                if "press Enter" in line:
                    break
            else:
                self.fail("".join(said))

        job = node.get(f"/api/v1/jobs/{batch}")
        results = node.results(batch)
        succeeded, failed = by_status(results, "succeeded"), by_status(results, "failed")
        text = "".join(said)

        with self.subTest("failed leads stop nothing and are told with index, name and reason"):
            self.assertEqual(job["status"], "completed")
            self.assertEqual(
                [result["custom_id"] for result in failed], [row["custom_id"] for row in UNSCORABLE]
            )
            self.assertEqual(len(succeeded), len(rows()) - len(UNSCORABLE))
            page = node.get(f"/api/v1/jobs/{batch}/events?limit=1000")
            logged = {
                item["index"]: item for event in page["events"] for item in event.get("failed", ())
            }
            self.assertEqual(sorted(logged), [result["index"] for result in failed])
            for result in failed:
                item, lead = logged[result["index"]], rows()[result["index"]]
                self.assertEqual(item["custom_id"], lead["custom_id"])
                reason = "no country" if not lead["country"] else repr(lead["employees"])
                self.assertIn(reason, item["error"]["message"])
                self.assertIn(f"{lead['custom_id']} (index {result['index']}): ", text)

        with self.subTest("the estimate is within 5 % of the cost"):
            told = re.search(r"Estimate \$([\d.]+), final \$([\d.]+): ([\d.]+) % apart", text)
            estimate, final = Decimal(told[1]), Decimal(told[2])
            expected = sum((price(declared(row)) for row in rows()), Decimal(0))
            self.assertAlmostEqual(estimate, expected, places=4)
            self.assertLessEqual(abs(estimate - final) / final, Decimal("0.05"))

        with self.subTest("what is booked is half of what the rates say"):
            full = sum(price(result["output"]["usage"], 1) for result in succeeded)
            spent = Decimal(job["cost"]["spent"])
            self.assertEqual(spent, full / 2)
            self.assertEqual(spent, booked(results))
            self.assertIn(f"At the rates without batch_factor: ${full:.4f}.", text)

        with self.subTest("watchers get at most one state in two seconds"):
            # The server's own clock: from the first state that could be told to the last.
            lasted_ms = milliseconds(job["finished_at"]) - milliseconds(job["created_at"])
            allowed = lasted_ms // 2_000 + 1
            for watched in watchers:
                self.assertEqual(watched.ended_with, "completed")
                self.assertEqual(watched.frames[-1]["items"]["succeeded"], len(succeeded))
            # The kind's interval holds also for who asks for more.
            for watched in (by_socket, by_events, at_once):
                self.assertLessEqual(watched.held_back, allowed)
                self.assertGreaterEqual(watched.held_back, 2)

        with self.subTest("the node's metrics tell of it"):
            self.assertEqual(metric(during, "headway_connections", transport="websocket"), 1)
            # run.py's own, and the two of this test.
            self.assertEqual(metric(during, "headway_connections", transport="sse"), 3)
            after = node.text("/metrics")
            self.assertEqual(metric(after, "headway_connections", transport="websocket"), 0)
            frames = sum(len(watched.frames) for watched in watchers)
            self.assertGreaterEqual(metric(after, "headway_frames_total", type="update"), frames)
            attempts = sum(result["attempts"] for result in results)
            self.assertGreater(attempts, len(results))
            self.assertEqual(metric(after, "headway_attempts_total"), attempts)
            self.assertEqual(metric(after, "headway_attempt_seconds_count"), attempts)
            self.assertGreater(metric(after, "headway_attempt_seconds_sum"), 0)
            spent_metric = metric(after, "headway_spent_total")
            self.assertTrue(math.isclose(spent_metric, float(spent), abs_tol=1e-6), spent_metric)

        with self.subTest("the rate keeps the service from turning requests away"):
            answered = {
                int(status): int(count)
                for count, status in re.findall(r"(\d+) x (\d+)(?:,|$)", said[-2])
            }
            self.assertEqual((answered[200], answered[422]), (len(succeeded), len(failed)))
            self.assertGreater(answered[500], 0)
            self.assertGreater(answered[503], 0)
            # Without `rate` it is more than a thousand. A few may still come close together.
            self.assertLess(answered.get(429, 0), len(rows()) / 10)

        run.stdin.write("\n")
        run.stdin.flush()
        with within(PATIENCE, "the end of run.py"):
            self.assertEqual(run.wait(), 0)


def milliseconds(time):
    """A time of the API as whole milliseconds of its day."""
    hours, minutes, seconds = re.search(r"T(\d+):(\d+):([\d.]+)Z", time).groups()
    return (int(hours) * 60 + int(minutes)) * 60_000 + round(float(seconds) * 1_000)


class GuardrailTest(Bounded):
    """A budget, and prices that change, with fewer leads and a faster service."""

    def setUp(self):
        self.running = self.enterContext(started(slowness=0.3))
        self.node = Client(self.running.node)

    def submit(self, leads, **options):
        job = self.node.submit("/api/v1/batches", {"kind": "leads", **options}, lines(leads))
        return job["id"]

    def states(self, batch, query=""):
        state = {}
        for message in self.node.watch(batch, query):
            if message["type"] in ("snapshot", "update"):
                state = message.get("state") or merged(state, message["patch"])
                yield state

    def test_a_batch_pauses_at_its_budget_and_goes_on_with_a_larger_one(self):
        leads, budget = rows()[:140], Decimal("0.20")
        batch = self.submit(leads, budget={"max_budget": str(budget), "on_budget": "pause"})
        with within(WHOLE_S, "the pause at the budget"):
            paused = next(state for state in self.states(batch) if state["status"] == "paused")
        self.assertEqual(paused["error"]["code"], "budget_reached")
        self.assertIn(str(budget), paused["error"]["message"])
        self.assertEqual(paused["items"]["running"], 0)
        self.assertGreater(paused["items"]["queued"], 0)

        # What finished ones cost more than they had declared, in all slots at once, is the most
        # that the budget can be passed by.
        by_then = by_status(self.node.results(batch), "succeeded")
        spent = Decimal(paused["cost"]["spent"])
        self.assertEqual(spent, booked(by_then))
        error = max(
            price(result["output"]["usage"]) - price(declared(leads[result["index"]]))
            for result in by_then
        )
        self.assertLessEqual(spent, budget + CONCURRENCY * max(error, Decimal(0)))
        # It stood still because the money was used, not long before.
        self.assertGreater(spent, budget - Decimal("0.01"))

        self.node.post(f"/api/v1/jobs/{batch}/resume", {"max_budget": "3.00"})
        with within(WHOLE_S, "the end of the batch"):
            for state in self.states(batch):
                final = state
        self.assertEqual(final["status"], "completed")
        results = self.node.results(batch)
        succeeded = by_status(results, "succeeded")
        scorable = [row for row in leads if row not in UNSCORABLE]
        self.assertEqual(
            [result["index"] for result in succeeded], [leads.index(row) for row in scorable]
        )
        self.assertEqual(
            Decimal(final["cost"]["spent"]),
            sum(price(result["output"]["usage"]) for result in succeeded),
        )
        # No lead was scored twice.
        answered = Client(self.running.service).get("/stats")["answered"]
        self.assertEqual(answered["200"], len(succeeded))
        kept = {result["index"]: result["cost"] for result in results}
        self.assertEqual(
            [kept[result["index"]] for result in by_then], [result["cost"] for result in by_then]
        )

    def test_new_prices_hold_for_what_is_booked_from_then_on(self):
        # Prices are read again every 3 seconds: long before the last one starts, however quick the
        # machine is.
        leads = rows()[:120]
        batch = self.submit(leads, rate={"count": 8, "per_ms": 1_000})
        estimate = Decimal(self.estimate(leads))
        before = after = None
        with within(WHOLE_S, "the end of the batch"):
            for state in self.states(batch):
                if before is None and by_status(self.node.results(batch), "succeeded"):
                    before = by_status(self.node.results(batch), "succeeded")
                    self.double_the_prices()
                if before and after is None and Decimal(self.estimate(leads)) == 2 * estimate:
                    after = state["items"]["succeeded"]
        self.assertIsNotNone(after, "the prices were not read again during the run")

        results = by_status(self.node.results(batch), "succeeded")
        factors = {
            result["index"]: Decimal(result["cost"]) / price(result["output"]["usage"])
            for result in results
        }
        self.assertEqual(set(factors.values()), {1, 2})
        for result in before:
            self.assertEqual(factors[result["index"]], 1)
        at_old_prices = sum(factor == 1 for factor in factors.values())
        self.assertGreaterEqual(at_old_prices, len(before))
        self.assertGreaterEqual(len(results) - at_old_prices, len(results) - after - CONCURRENCY)
        spent = Decimal(self.node.get(f"/api/v1/jobs/{batch}")["cost"]["spent"])
        self.assertEqual(spent, booked(results))

    def estimate(self, leads):
        return self.node.submit("/api/v1/estimates", {"kind": "leads"}, lines(leads[:1]))["mid"]

    def double_the_prices(self):
        card = json.loads(self.running.costs.read_text())
        rates = card["rates"][SKU]
        for unit in ("input_tokens", "output_tokens"):
            rates[unit] = str(2 * Decimal(rates[unit]))
        written = self.running.costs.with_suffix(".new")
        written.write_text(json.dumps(card))
        written.replace(self.running.costs)


if __name__ == "__main__":
    unittest.main()
