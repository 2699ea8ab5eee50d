"""The example of the analyses, with the real program: the older client's stream, and ours."""

import json
import os
import sys
import tempfile
import time
import unittest
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bounded import PATIENCE, Bounded, Overdue, within
from patience import opened
from server import PROGRAM
from whole_run import PACKAGE, lines_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "analysis"
sys.path[:0] = [str(PACKAGE), str(EXAMPLE.parent)]
os.environ.setdefault("HEADWAY_BIN", PROGRAM)

from headway import Ended, EventHappened, Gap, Headway  # noqa: E402
from node import Node  # noqa: E402

PHASES = [
    (10, "summarising_months"),
    (25, "relating_days"),
    (50, "comparing_years"),
    (90, "judging_spells"),
    (100, "done"),
]

ENDLESS = 100_000_000
"""Rounds of which not even the first month comes to its end while somebody waits."""


class Follower:
    """Messages of the older stream, read as they come; the socket is closed with the test."""

    def __init__(self, test, node, analysis):
        self.messages = []
        address = f"ws://{node.address}/api/v1/analyze/{analysis}/stream"
        self._socket = test.enterContext(connect(address))

    def next(self):
        return self._until("a message", lambda message: True)

    def until(self, kind):
        """The next message of a type."""
        return self._until(f"a message of the type {kind}", lambda message: message["type"] == kind)

    def _until(self, what, wanted):
        """The next message that is so. Heartbeats, which come for ever, do not make the wait longer."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                text = self._socket.recv(timeout=max(end - time.monotonic(), 0))
            except TimeoutError:
                raise Overdue(f"{what} did not come after {self.messages[-1:]}") from None
            self.messages.append(json.loads(text))
            if wanted(self.messages[-1]):
                return self.messages[-1]

    def leave(self):
        self._socket.close()

    def closed(self):
        """Reads to the end: the code and the reason."""
        try:
            self._until("the end", lambda message: False)
        except ConnectionClosed as closed:
            return closed.rcvd.code, closed.rcvd.reason


def is_part_of(some, all_of_them):
    """Whether they come in this order in the whole."""
    rest = iter(all_of_them)
    return all(one in rest for one in some)


class AnalysisTest(Bounded):
    """One analysis at a time, so that one can be kept waiting by another."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="headway-analysis-"))
        settings = (EXAMPLE / "headway.toml").read_text()
        settings = settings.replace('"analysis.py"', f'"{EXAMPLE / "analysis.py"}"')
        Path(folder, "headway.toml").write_text("limits.max_running = 1\n" + settings)
        self.node = self.enterContext(Node(Path(folder)))
        self.headway = Headway(self.node.url)

    def analyse(self, **request):
        """What the older client does first."""
        answer = self.post("/api/v1/analyze", request)
        self.assertEqual(set(answer), {"analysis_id", "status", "created_at"})
        self.assertEqual(answer["status"], "queued")
        return answer["analysis_id"]

    def post(self, path, body):
        request = urllib.request.Request(
            self.node.url + path,
            data=json.dumps(body).encode(),
            headers={"content-type": "application/json"},
        )
        with opened(request) as answer:
            self.assertEqual(answer.status, 202)
            return json.load(answer)

    def asked(self, analysis):
        address = f"{self.node.url}/api/v1/analyze/{analysis}"
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            return json.load(answer)

    def follow(self, analysis):
        return Follower(self, self.node, analysis)

    def test_several_follow_one_analysis_through_its_phases_to_its_results(self):
        before = self.analyse(rounds=ENDLESS)
        analysis = self.analyse(rounds=200)
        followers = [self.follow(analysis) for _ in range(4)]
        for follower in followers:
            first = follower.next()
            self.assertEqual((first["progress"], first["phase"]), (0, "queued"))
        # One goes away, which is nobody's concern.
        followers.pop().leave()
        self.headway.jobs.cancel(before)
        with ThreadPoolExecutor() as at_once:
            # Each of them has a bound of its own.
            closed = [*at_once.map(Follower.closed, followers)]
        self.assertEqual(closed, [(1000, "everything was sent")] * len(followers))

        reported = [
            (event["percent"], event["phase"])
            for event in self.headway.jobs.events(analysis)
            if event["type"] == "progress"
        ]
        begun = {phase: percent for percent, phase in reversed(reported)}
        self.assertEqual([(percent, phase) for phase, percent in reversed(begun.items())], PHASES)

        for follower in followers:
            *before, last = follower.messages
            moves = [message for message in before if message["type"] == "progress"]
            percents = [message["progress"] for message in moves]
            self.assertEqual(percents, sorted(percents))
            told = [(message["progress"], message["phase"]) for message in moves]
            # A partial result is no move, and may be told between two of them.
            told = [move for move, _ in groupby(told) if move[1] not in ("queued", "running")]
            self.assertGreaterEqual(len(told), 2)
            self.assertTrue(is_part_of(told, reported), told)
            self.assertEqual(last["type"], "complete")
            self.assertEqual(set(last), {"type", "results", "timestamp"})
            self.assertEqual(last["results"], followers[0].messages[-1]["results"])
            for message in moves:
                self.assertEqual(set(message), {"type", "progress", "phase", "timestamp"})

        results = last["results"]
        july = results["years"]["2015"]["months"]["07"]
        low, high = july["temperature"]["interval"]
        self.assertTrue(low < july["temperature"]["mean_of_highest"] < high)
        self.assertEqual(results["years"]["2012"]["spells"]["dry"]["from"], "2012-07-23")
        # Down to what is null.
        self.assertIn("below_minus_10_degrees", results["years"]["2012"]["spells"])
        self.assertIsNone(results["years"]["2012"]["spells"]["below_minus_10_degrees"])
        self.assertEqual(self.asked(analysis)["results"], results)

        late = self.follow(analysis)
        self.assertEqual(late.closed(), (1000, "everything was sent"))
        self.assertEqual([message["type"] for message in late.messages], ["complete"])
        self.assertEqual(late.messages[0]["results"], results)

    def test_what_fails_and_what_is_not_there_have_their_codes(self):
        failing = self.follow(self.analyse(years=[1999]))
        self.assertEqual(failing.closed(), (4000, "Analysis failed"))
        self.assertEqual(failing.messages[-1]["type"], "error")
        self.assertIn("The record has no year 1999", failing.messages[-1]["message"])
        self.assertEqual(self.follow("job_nowhere").closed(), (4004, "Analysis not found"))

    def test_a_long_silence_has_heartbeats_and_a_cancel_ends_it(self):
        analysis = self.analyse(rounds=ENDLESS)
        follower = self.follow(analysis)
        beats = [follower.until("heartbeat"), follower.until("heartbeat")]
        for beat in beats:
            self.assertEqual(set(beat), {"type", "timestamp"})
        self.assertEqual(self.asked(analysis)["status"], "running")
        self.headway.jobs.cancel(analysis)
        self.assertEqual(follower.closed(), (4000, "Analysis failed"))
        self.assertEqual(follower.messages[-1]["type"], "error")

    def test_our_stream_has_partial_results_and_comes_back_after_a_crash(self):
        before = self.analyse(rounds=ENDLESS)
        analysis = self.analyse(rounds=200)
        partial, killed, last = [], False, None
        stream = self.headway.watch(analysis, events=["partial"])
        with stream, within(PATIENCE, "the end of the analysis"):
            # It waits behind the other one until it is watched.
            self.assertEqual(next(stream).job["status"], "queued")
            self.headway.jobs.cancel(before)
            for change in stream:
                self.assertNotIsInstance(change, Gap)
                if isinstance(change, EventHappened):
                    partial.append((change.cursor, change.event["name"]))
                    if not killed:
                        killed = True
                        self.node.kill()
                        self.node.start()
                last = change
        self.assertIsInstance(last, Ended)
        self.assertEqual(last.status, "completed")
        # The analysis was run again, and said it again; nothing came twice.
        stored = [
            (event["cursor"], event["name"])
            for event in self.headway.jobs.events(analysis)
            if event["type"] == "partial"
        ]
        self.assertEqual([name for _, name in stored], ["months", "months"])
        self.assertEqual(partial, stored)
        self.assertEqual(last.job["result"]["days"], 1461)


class WholeRunTest(Bounded):
    """`run.py` as a reader runs it."""

    def test_it_shows_what_its_readme_says(self):
        said = lines_of(EXAMPLE / "run.py", "--rounds", "100", seconds=120)
        for line in (
            "3 watched and were told the same results.",
            "   closed with 1000 everything was sent",
            "   closed with 4000 Analysis failed",
            "   closed with 4004 Analysis not found",
            "   the node is killed; it comes back and runs the analysis again",
            "   completed, 1461 days",
        ):
            self.assertIn(line, said)


if __name__ == "__main__":
    unittest.main()
