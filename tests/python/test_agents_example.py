"""The example of the agents, with the real program: what a session's watchers see, whatever happens."""

import os
import sys
import tempfile
import threading
import unittest
from contextlib import closing
from pathlib import Path

from bounded import PATIENCE, Bounded, Overdue, joined, within
from server import PROGRAM
from whole_run import PACKAGE, lines_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "agents"
sys.path[:0] = [str(EXAMPLE), str(PACKAGE), str(EXAMPLE.parent)]
os.environ.setdefault("HEADWAY_BIN", PROGRAM)

from headway import Headway, Reporter, ReportOptions  # noqa: E402
from node import Node  # noqa: E402
from support.patience import ask_patiently  # noqa: E402
from turns import Turns  # noqa: E402
from watcher import ClosedError, Watcher  # noqa: E402
from workflow import KIND, work  # noqa: E402

SESSION = "s-1"
AGENTS = [
    ("ResearchAgent", "completed"),
    ("AnalystAgent", "completed"),
    ("TrendAgent", "failed"),
    ("TrendAgent", "completed"),
    ("ReportingAgent", "completed"),
]
TASKS = 7
ENDED = ("completed", "failed", "cancelled")
CLOSE_S = PATIENCE / 2
"""What a worker still has to say takes no longer, so that its end comes within a wait for it."""


class Worker:
    """The workflow on one job, in a thread of its own, which needs a turn for each task."""

    def __init__(self, node, job):
        self.turns = Turns()
        self.worked = threading.Event()
        self.result = None
        self._thread = threading.Thread(target=self._run, args=(node.url, job), daemon=True)
        self._thread.start()

    def _run(self, url, job):
        options = ReportOptions(heartbeat=0.2, close_timeout=CLOSE_S)
        with Reporter.job(id=job, url=url, options=options) as reporter:
            self.result = work(reporter, self.turns.taken)
            self.worked.set()

    def finish(self):
        """Lets it work to its end."""
        self.turns.give(TASKS)
        joined(self._thread, "the end of the worker")


class Followed:
    """What a watcher has been told of one transaction."""

    def __init__(self, updates, transaction):
        self._updates = updates
        self._transaction = transaction
        self.events = []
        self.update = None

    def until(self, what, wanted):
        """Reads on until an update is so."""
        try:
            with within(PATIENCE, what):
                while True:
                    self.update = next(self._updates)
                    if self.update["transaction_id"] == self._transaction:
                        self.events += self.update["progress_events"]
                        if wanted(self.update):
                            return self.update
        except Overdue as overdue:
            last = {name: (self.update or {}).get(name) for name in ("status", "current_tasks", "last_event")}
            raise Overdue(f"{overdue}; the last update has {last}") from None

    def until_event(self, kind, agent=None):
        """Reads on until it has been told of such an event, unless it has been already."""

        def is_wanted(event):
            return event["event_type"] == kind and agent in (None, event["agent"])

        if not any(is_wanted(event) for event in self.events):
            what = f"{kind} of {agent or 'anything'}"
            self.until(what, lambda update: any(is_wanted(event) for event in update["progress_events"]))

    def until_status(self, status):
        return self.until(f"the status {status}", lambda update: update["status"] == status)

    def until_current(self, agent):
        return self.until(f"the work of {agent}", lambda update: update["current_agent"] == agent)


class AgentsTest(Bounded):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="headway-agents-"))
        self.node = self.enterContext(Node(Path(folder)))
        ask_patiently()
        self.headway = Headway(self.node.url)

    def transaction(self):
        return self.headway.jobs.create(KIND, session=SESSION)["id"]

    def worker(self, transaction):
        worker = Worker(self.node, transaction)
        self.addCleanup(worker.finish)
        self.addCleanup(self.end, transaction)
        return worker

    def end(self, transaction):
        """Cancels it, if a test that failed has left it: its worker may be paused."""
        if self.headway.jobs.get(transaction)["status"] not in ENDED:
            self.headway.jobs.cancel(transaction)

    def watch(self, transaction, **options):
        """A watcher, and what it is told of a transaction."""
        watcher = Watcher(self.node.address, SESSION, **options)
        updates = self.enterContext(closing(watcher.updates()))
        return watcher, Followed(updates, transaction)

    def stored(self, transaction):
        """The ids of all that the log tells of a transaction."""
        return [event["cursor"] for event in self.headway.jobs.events(transaction)]

    def test_each_agent_is_told_with_its_tasks_and_one_fails_and_is_tried_again(self):
        transaction = self.transaction()
        _, followed = self.watch(transaction)
        worker = self.worker(transaction)
        update = followed.until(
            "a task of ResearchAgent", lambda update: update["current_tasks"].get("ResearchAgent")
        )
        self.assertEqual(
            set(update),
            {
                *("type", "session_id", "transaction_id", "status", "current_agent", "current_tasks"),
                *("progress_events", "missed_events", "execution_order", "last_event", "timestamp"),
            },
        )
        self.assertEqual((update["session_id"], update["status"]), (SESSION, "running"))
        self.assertEqual(update["current_agent"], "ResearchAgent")
        self.assertEqual(update["current_tasks"], {"ResearchAgent": ["Reading prices"]})
        worker.turns.give(2)
        followed.until_current("AnalystAgent")
        worker.finish()
        done = followed.until_status("completed")

        order = [(agent["agent"], agent["status"]) for agent in done["execution_order"]]
        self.assertEqual(order, AGENTS)
        for agent in done["execution_order"]:
            self.assertAlmostEqual(agent["duration"], agent["end_time"] - agent["start_time"], places=3)
        kinds = [event["event_type"] for event in followed.events]
        self.assertEqual(kinds.count("task_start"), TASKS)
        self.assertEqual(kinds[-1], "transaction_complete")
        failed = next(event for event in followed.events if event["event_type"] == "agent_failed")
        self.assertIn("A line explains 10% of the prices in shillings", failed["error"])
        self.assertEqual([event["event_id"] for event in followed.events], self.stored(transaction))
        self.assertEqual(worker.result["trend"]["unit"], "weeks of work")
        self.assertEqual(self.headway.jobs.get(transaction)["result"], worker.result)

    def test_the_work_goes_on_without_the_node_and_the_watcher_sees_every_event(self):
        transaction = self.transaction()
        watcher, followed = self.watch(transaction)
        worker = self.worker(transaction)
        worker.turns.give(2)
        followed.until_current("AnalystAgent")
        self.node.kill()
        worker.turns.give(TASKS)
        self.assertTrue(worker.worked.wait(20), "the work waited for the node")
        self.node.start()
        followed.until_status("completed")
        self.assertGreaterEqual(watcher.connections, 2)
        self.assertEqual(followed.update["missed_events"], 0)
        self.assertEqual([event["event_id"] for event in followed.events], self.stored(transaction))
        self.assertEqual(
            [(agent["agent"], agent["status"]) for agent in followed.update["execution_order"]], AGENTS
        )

    def test_a_client_has_the_agents_stand_still_stop_and_begin_again(self):
        transaction = self.transaction()
        watcher, followed = self.watch(transaction)
        worker = self.worker(transaction)
        followed.until_event("task_start")
        watcher.say({"type": "pause", "transaction_id": transaction})
        followed.until_status("paused")
        watcher.say({"type": "resume", "transaction_id": transaction})
        followed.until_event("transaction_resumed")
        watcher.say({"type": "cancel", "transaction_id": transaction})
        # It was given no turn: it looked while it waited.
        followed.until_status("cancelled")
        self.assertFalse(worker.worked.is_set())
        cancelled = [event["agent"] for event in followed.events if event["event_type"] == "agent_cancelled"]
        self.assertEqual(cancelled, ["ResearchAgent"])
        worker.finish()

        watcher.say({"type": "retry", "transaction_id": transaction})
        followed.until_status("pending")
        followed.until_event("transaction_retried")
        again = self.worker(transaction)
        again.finish()
        followed.until_status("completed")
        self.assertEqual(again.result, self.headway.jobs.get(transaction)["result"])
        self.assertEqual(self.headway.jobs.get(transaction)["attempt"], 2)

    def test_a_command_is_answered(self):
        transaction = self.transaction()
        watcher = Watcher(self.node.address, SESSION)
        with closing(watcher.messages()) as messages:
            with within(PATIENCE, "the first message"):
                next(messages)
            for command, kind in (("resume", "error"), ("cancel", "command_accepted")):
                watcher.say({"type": command, "transaction_id": transaction})
                with within(PATIENCE, f"an answer to {command}"):
                    answer = next(message for message in messages if message["type"] != "progress_update")
                self.assertEqual((answer["type"], answer["command"]), (kind, command))
                self.assertEqual(answer["transaction_id"], transaction)

    def test_a_session_has_three_connections_and_must_be_known(self):
        transaction = self.transaction()
        kept = [self.watch(transaction)[1] for _ in range(3)]
        for followed in kept:
            followed.until_status("pending")
        with self.assertRaises(ClosedError) as fourth:
            self.watch(transaction)[1].until_status("pending")
        self.assertEqual((fourth.exception.code, fourth.exception.reason), (1008, "Too many connections"))
        none = Watcher(self.node.address, "nobody").messages()
        with self.assertRaises(ClosedError) as unknown, within(PATIENCE, "a refusal"), closing(none):
            next(none)
        self.assertEqual((unknown.exception.code, unknown.exception.reason), (1008, "Invalid session"))
        # The others have not noticed.
        self.worker(transaction)
        for followed in kept:
            followed.until_event("agent_start", "ResearchAgent")

    def test_a_client_is_told_of_the_agents_that_it_names(self):
        transaction = self.transaction()
        subscribe = {"type": "subscribe", "agents": ["TrendAgent"]}
        watcher = Watcher(self.node.address, SESSION, subscribe=subscribe)
        events = []
        with closing(watcher.messages()) as messages, within(PATIENCE, "the end of the transaction"):
            for message in messages:
                if message["type"] == "subscribed":
                    self.assertEqual(message["agents"], ["TrendAgent"])
                    self.worker(transaction).finish()
                elif message["type"] == "progress_update":
                    events += message["progress_events"]
                    if message["status"] == "completed":
                        break
        agents = {event["agent"] for event in events if event["agent"]}
        self.assertEqual(agents, {"TrendAgent"})
        self.assertIn("agent_failed", [event["event_type"] for event in events])


class WholeRunTest(Bounded):
    """`run.py` as a reader runs it."""

    def test_it_shows_what_its_readme_says(self):
        printed = lines_of(EXAMPLE / "run.py", seconds=120)
        shown = (EXAMPLE / "README.md").read_text().split("```text\n")[1].split("```")[0]
        said = iter(printed)
        for line in shown.splitlines():
            # Each line that is not left out, in this order.
            if line != "…" and "connections, each once" not in line:
                self.assertIn(line, said)
        self.assertRegex("\n".join(printed), r"\n   \d+ events over \d connections, each once\n")


if __name__ == "__main__":
    unittest.main()
