"""The example of the progress channel, with the real program: the older clients, as they were printed."""

import os
import sys
import tempfile
import threading
import unittest
from contextlib import ExitStack
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bounded import PATIENCE, Bounded, joined, within
from server import PROGRAM
from whole_run import PACKAGE, lines_of

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "progress-channel"
os.environ.setdefault("HEADWAY_BIN", PROGRAM)

sys.path[:0] = [str(EXAMPLE), str(PACKAGE), str(EXAMPLE.parent)]
from clients import Connection, connected, installed, watching  # noqa: E402
from headway import Headway, Reporter, ReportOptions  # noqa: E402
from node import Node  # noqa: E402
from support.patience import ask_patiently  # noqa: E402
from turns import Turns  # noqa: E402
from worker import report  # noqa: E402

IN_JAVASCRIPT = """\
const ws = new WebSocket(`ws://localhost:8000/progress/ws/${jobId}`);
ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    console.log(`Status: ${data.status}, Progress: ${data.progress}%`);
};
"""

IN_PYTHON = """\
import asyncio
import websockets

async def monitor_job(job_id):
    uri = f"ws://localhost:8000/progress/ws/{job_id}"
    async with websockets.connect(uri) as ws:
        async for message in ws:
            data = json.loads(message)
            print(f"Status: {data['status']}, Progress: {data['progress']}%")
"""

BLOCKER = """
[kinds.blocker]
executor = { type = "command", argv = ["tail", "-f", "/dev/null"] }
"""


class ProgressChannelTest(Bounded):
    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory(prefix="headway-channel-"))
        settings = (EXAMPLE / "headway.toml").read_text()
        settings = settings.replace('"worker.py"', f'"{EXAMPLE / "worker.py"}"')
        Path(folder, "headway.toml").write_text(settings + BLOCKER)
        self.node = self.enterContext(Node(Path(folder)))
        ask_patiently()
        self.headway = Headway(self.node.url)

    def connected(self, job):
        return self.enterContext(connected(self.node.address, job))

    def work(self, job, turns):
        """The worker, in a thread of its own."""

        def run():
            options = ReportOptions(close_timeout=PATIENCE / 2)
            with Reporter.job(id=job, url=self.node.url, options=options) as reporter:
                self.result = report(reporter, turns.take)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self.addCleanup(joined, thread, "the end of the worker")
        self.addCleanup(turns.give, 10)
        return thread

    def test_the_printed_clients_follow_a_job_and_a_crash_is_no_end_of_it(self):
        self.assertEqual(installed(), ["client.js", "client.py"])
        self.assertIn(IN_JAVASCRIPT, (EXAMPLE / "client.js").read_text())
        self.assertIn(IN_PYTHON, (EXAMPLE / "client.py").read_text())
        job = self.headway.jobs.create("index")["id"]
        turns = Turns()

        def watch(stack):
            return {name: stack.enter_context(watching(name, self.node.address, job)) for name in installed()}

        def told(clients, status, progress=None):
            for name, client in clients.items():
                with within(PATIENCE, f"{status} of {progress} by {name}"):
                    client.until(status, progress)

        with ExitStack() as stack:
            clients = watch(stack)
            told(clients, "PENDING")
            worker = self.work(job, turns)
            told(clients, "IN_PROGRESS", 25)
            turns.give()
            told(clients, "IN_PROGRESS", 50)
            self.node.kill()
            # Cut off, they end; nothing else has happened to them.
            for name, client in clients.items():
                with within(PATIENCE, f"the end of {name}"):
                    self.assertRegex(client.rest()[-1], r"^Status: IN_PROGRESS, Progress: 50(\.0)?%$")
        turns.give()
        self.node.start()
        with ExitStack() as stack:
            clients = watch(stack)
            told(clients, "IN_PROGRESS", 75)
            turns.give()
            told(clients, "COMPLETED", 100)
        joined(worker, "the end of the worker")
        self.assertEqual(self.headway.jobs.get(job)["result"], self.result)
        self.assertGreater(self.result["words"], 1_000)

    def test_each_milestone_has_its_percent_message_and_numbers(self):
        job = self.headway.jobs.create("index")["id"]
        connection = self.connected(job)
        turns = Turns()
        first = connection.until(lambda message: message["status"] == "PENDING")
        self.assertIsNone(first["progress"])
        self.work(job, turns)
        files = 0
        for percent in (25, 50, 75):
            told = connection.until(lambda message, at=percent: message["progress"] == at)
            self.assertEqual(set(told), {"job_id", "status", "progress", "message", "timestamp", "metadata"})
            self.assertEqual((told["job_id"], told["status"]), (job, "IN_PROGRESS"))
            self.assertRegex(told["message"], r"^Reading .+\.md$")
            self.assertGreater(told["metadata"]["files"], files)
            files = told["metadata"]["files"]
            turns.give()
        done = connection.until(lambda message: message["status"] == "COMPLETED")
        self.assertEqual(done["progress"], 100)

    def test_a_connection_survives_what_it_cannot_understand_and_takes_on_other_jobs(self):
        job = self.headway.jobs.create("index")["id"]
        connection = self.connected(job)
        connection.until(lambda message: message.get("status") == "PENDING")
        self.assertEqual(set(connection.ask({"type": "ping"}, "pong")), {"type", "timestamp"})
        connection.ask("{", "error")
        unknown = connection.ask({"type": "subscribe", "job_id": "job_nowhere"}, "error")
        self.assertIn("job_nowhere", unknown["message"])

        blocker = self.headway.jobs.create("blocker", input={})["id"]
        waiting = self.headway.jobs.create("count", input={})["id"]
        connection.say({"type": "subscribe", "job_id": waiting})
        statuses = []
        with within(PATIENCE, "the end of the job that waited"):
            while statuses[-1:] != ["COMPLETED"]:
                told = connection.until(lambda message: message.get("job_id") == waiting)
                if told["status"] not in statuses:
                    statuses.append(told["status"])
                if statuses == ["QUEUED"]:
                    self.headway.jobs.cancel(blocker)
        self.assertEqual(statuses, ["QUEUED", "IN_PROGRESS", "COMPLETED"])

        unsubscribed = connection.ask({"type": "unsubscribe", "job_id": waiting}, "unsubscribed")
        self.assertEqual(unsubscribed["job_id"], waiting)
        connection.ask({"type": "ping"}, "pong")

    def test_a_failure_is_told_with_its_reason_to_everybody_and_who_leaves_disturbs_nobody(self):
        job = self.headway.jobs.create("index")["id"]
        with connected(self.node.address, job) as leaving:
            leaving.until(lambda message: message["status"] == "PENDING")
        staying = [self.connected(job) for _ in range(2)]
        with self.assertRaises(OSError), Reporter.job(id=job, url=self.node.url):
            raise FileNotFoundError("docs is not there")
        for connection in staying:
            told = connection.until(lambda message: message["status"] == "FAILED")
            self.assertEqual(told["message"], "docs is not there")
            self.assertEqual(told["metadata"]["error"]["code"], "FileNotFoundError")

    def test_a_job_that_is_not_there_is_said_and_then_1008(self):
        with connect(f"ws://{self.node.address}/progress/ws/job_nowhere") as socket:
            told = Connection(socket).until(lambda message: message["type"] == "error")
            self.assertIn("job_nowhere", told["message"])
            with self.assertRaises(ConnectionClosed) as closed:
                socket.recv(timeout=20)
        self.assertEqual(closed.exception.rcvd.code, 1008)


class WholeRunTest(Bounded):
    """`run.py` as a reader runs it."""

    def test_it_shows_what_its_readme_says(self):
        said = lines_of(EXAMPLE / "run.py", seconds=120)
        readme = (EXAMPLE / "README.md").read_text()
        shown = readme.split("```text\n")[1].split("```")[0]
        # A job that waits may have begun before somebody looked.
        seen = [line for line in said if "another job: " not in line]
        self.assertEqual(seen, [line for line in shown.splitlines() if "another job: " not in line])
        self.assertIn("   another job: COMPLETED", said)


if __name__ == "__main__":
    unittest.main()
