"""Attacks on the real program while well-behaved watchers and a batch go on.

Figures are printed, and nothing is asserted of them: machines differ. What is asserted are states: the
watchers missed nothing, the batch ended whole, every attacker was let go with the right answer, and
memory stayed under a bound.
"""

import importlib
import json
import subprocess
import sys
import time
import unittest
from pathlib import Path

from house import House, eventually

HERE = Path(__file__).parent

# In the order in which they are made; those of the second list on a server that speaks TLS.
ATTACKS = [
    "half_open",
    "slow_heads",
    "slow_bodies",
    "never_reading",
    "unread_answers",
    "broken_frames",
    "ping_flood",
    "bombs",
    "subscription_flood",
    "message_flood",
    "token_guessing",
]
ATTACKS_ON_TLS = [
    "half_open",
    "slow_handshakes",
    "rapid_reset",
    "endless_headers",
    "control_frames",
    "idle_http2",
]

# The batch: slow enough to last, and in the end as fast as it can.
ITEMS = 20_000

# The quiet time that the others are compared with.
QUIET = 3.0

# What an attack may add to the server's memory. Ten thousand connections cost a few kilobytes each,
# and the 150 watchers who never read may leave a mebibyte each: everything else is far below.
MEMORY = 160 * 1024 * 1024


class AttackTest(unittest.TestCase):
    def test_watchers_and_a_batch_go_on(self):
        self.attacks(House(sign_in=True), ATTACKS)

    def test_watchers_and_a_batch_go_on_under_tls(self):
        self.attacks(House(tls=True, sign_in=True), ATTACKS_ON_TLS)

    def attacks(self, house, names):
        with house:
            self.house = house
            self.rows = []
            # The attacker has a key of the same tenant, and may report and watch: the worst case.
            self.good, bad = house.key("acme", "operator"), house.key("acme", "operator")
            items = [{"n": n} for n in range(ITEMS)]
            batch = house.post("/api/v1/batches", {"kind": "work", "items": items}, self.good)
            seen = house.post("/api/v1/jobs", {"kind": "seen"}, self.good)["id"]
            own = house.post("/api/v1/jobs", {"kind": "own"}, bad)["id"]
            target = {"host": house.host, "port": house.port, "job": seen, "own_job": own,
                      "headers": bad, "authority": house.authority}
            witness = subprocess.Popen(
                [sys.executable, HERE / "witness.py", house.host, str(house.port), seen, batch["id"], json.dumps(self.good),
                 house.authority],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )
            self.addCleanup(witness.wait)
            self.addCleanup(witness.kill)
            self.assertEqual(witness.stdout.readline(), "ready\n")
            self.phase(witness, "begins")
            time.sleep(QUIET)
            self.row("quiet", 0, 0, self.phase(witness, "quiet"))
            idle = house.sockets()
            for name in names:
                with self.subTest(name):
                    self.attack(name, target, witness, idle)
            # At the end of its input the witness completes its job, and has seen everything.
            rest, _ = witness.communicate(timeout=60)
            self.assertEqual(witness.returncode, 0, "the watchers missed something")
            self.assertGreater(json.loads(rest)["seen"], 0)
            house.hurry.touch()
            path = f"/api/v1/jobs/{batch['id']}"
            eventually("the batch ends", lambda: house.get(path, self.good)["status"] != "running", 60)
            document = house.get(path, self.good)
            self.assertEqual(document["status"], "completed")
            self.assertEqual(document["items"]["succeeded"], ITEMS)
            self.assertNotIn("panicked", house.log())
            self.print()

    def attack(self, name, target, witness, idle):
        attack = importlib.import_module(f"attacks.{name}")
        house = self.house
        house.forget_peak()
        before, _ = house.memory()
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "attack.py", name, json.dumps(target)],
            cwd=HERE, stdout=subprocess.PIPE, text=True, timeout=90,
        )
        took = time.monotonic() - began
        figures = self.phase(witness, name)
        _, peak = house.memory()
        self.row(attack.WHAT, took, peak - before, figures)
        self.assertEqual(ran.returncode, 0, "the attack itself failed")
        attack.check(self, json.loads(ran.stdout))
        self.assertTrue(house.is_alive())
        self.assertLess(peak - before, MEMORY)
        house.get("/readyz")
        eventually("all attackers are let go", lambda: house.sockets() <= idle + 4)

    def phase(self, witness, name):
        """The figures of the phase that ends now; a witness that found a fault has none."""
        try:
            witness.stdin.write(f"{name}\n")
            witness.stdin.flush()
        except BrokenPipeError:
            pass
        line = witness.stdout.readline()
        self.assertTrue(line, "the watchers missed something: see above")
        return json.loads(line)

    def row(self, what, took, memory, figures):
        self.assertEqual({"websocket", "events"}, set(figures) - {"items_per_second"}, "nothing was seen")

        def milliseconds(transport, figure):
            return f"{figures[transport][figure] * 1000:.1f}"

        self.rows.append([
            what, f"{took:.1f}",
            milliseconds("websocket", "median"), milliseconds("websocket", "worst"),
            milliseconds("events", "median"), milliseconds("events", "worst"),
            f"{figures['items_per_second']:.0f}", f"{memory / 1e6:.1f}",
        ])

    def print(self):
        heads = ["", "s", "WebSocket median ms", "worst", "SSE median ms", "worst", "items/s", "memory +MB"]
        widths = [max(len(row[column]) for row in [heads, *self.rows]) for column in range(len(heads))]
        for row in [heads, *self.rows]:
            cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
            print("  ".join(cells), flush=True)


if __name__ == "__main__":
    unittest.main()
