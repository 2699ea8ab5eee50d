"""The package against the real program: crashes on both sides, commands, watching."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any
from unittest import main

from headway import (
    Change,
    Ended,
    EventHappened,
    Gap,
    Headway,
    HeadwayError,
    JobCancelled,
    Reporter,
    ReportOptions,
    StateChanged,
)
from headway.documents import Event
from headway.http.exchange import TokenSource
from headway.watching.blocking import Watch
from headway.watching.connection import TransportName
from headway.watching.selection import Selection
from support.bounded import Bounded
from support.server import Server, until

QUICK = ReportOptions(heartbeat=0.1, close_timeout=30)
WORKING = Path(__file__).parent / "support/working.py"


def lines(server: Server, job: str) -> list[str]:
    """The job's log lines in order."""
    return [event["message"] for event in server.events(job) if event["type"] == "log"]


class RealServerTest(Bounded):
    def setUp(self) -> None:
        self.server = self.enterContext(Server())
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)


class ReportingTest(RealServerTest):
    def test_a_worker_says_everything(self) -> None:
        made: dict[str, Any] = {
            "session": "s-1",
            "tags": ["nightly"],
            "metadata": {"a": 1},
            "total": 10,
            "unit": "rows",
        }
        with Reporter.job("analysis", url=self.server.url, options=QUICK, strict=True, **made) as job:
            job.phase("loading")
            job.progress(40, message="half way", metadata={"b": 2})
            with job.step("research", name="ResearchAgent", role="agent") as step:
                step.tasks("Gathering data")
                with step.step("deeper", weight=2) as inner:
                    inner.progress(50, message="x")
            with self.assertRaises(KeyError), job.step("broken"):
                raise KeyError("missing")
            job.usage("gpt-x", input_tokens=120)
            job.cost("0.25", sku="search")
            job.partial("chart", {"rows": [1]})
            job.log("warning", "look", rows=12)
            job.complete({"rows": 100})
        document = self.server.job(job.id)
        self.assertEqual(job.counts.refused + job.counts.dropped, 0)
        self.assertEqual(document["status"], "completed")
        self.assertEqual(document["result"], {"rows": 100})
        self.assertEqual(document["metadata"], {"a": 1, "b": 2})
        self.assertEqual((document["session"], document["tags"]), ("s-1", ["nightly"]))
        steps = document["steps"]
        self.assertEqual(steps["research"]["name"], "ResearchAgent")
        self.assertEqual(steps["deeper"]["parent"], "research")
        self.assertEqual(steps["broken"]["status"], "failed")
        self.assertEqual(steps["broken"]["error"]["code"], "KeyError")
        self.assertEqual(document["cost"]["spent"], "0.25")
        self.assertEqual(lines(self.server, job.id), ["look"])

    def test_a_block_that_fails_fails_its_job(self) -> None:
        with (
            self.assertRaises(ValueError),
            Reporter.job("analysis", url=self.server.url, options=QUICK) as job,
        ):
            raise ValueError("no rows")
        self.assertEqual(self.server.job(job.id)["error"]["code"], "ValueError")
        self.assertEqual(self.server.job(job.id)["error"]["message"], "no rows")

    def test_a_result_that_is_no_json_fails_the_job_and_says_why(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            job.complete({1, 2})
        self.assertEqual(self.server.job(job.id)["error"]["code"], "report_refused")

    def test_a_result_that_is_too_large_fails_the_job_and_says_why(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            job.log("info", "kept")
            job.complete("x" * 1_100_000)
        self.assertEqual(self.server.job(job.id)["error"]["code"], "report_refused")
        self.assertEqual(lines(self.server, job.id), ["kept"])

    def test_a_refused_report_does_not_take_others_with_it(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            for number in range(20):
                job.log("info", "x" * 20_000 if number % 3 == 0 else str(number))
        expected = [str(number) for number in range(20) if number % 3]
        self.assertEqual(lines(self.server, job.id), expected)
        self.assertEqual(job.counts.refused, 7)

    def test_a_job_that_cannot_be_made_is_told_and_the_work_goes_on(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK, tags=["x" * 500]) as job:
            until(lambda: job.error is not None, "the refusal")
            self.assertFalse(job.progress(5))
        error = job.error
        assert error is not None
        self.assertEqual((error.status, error.code, error.field), (422, "invalid", "tags"))

    def test_pause_and_resume_reach_a_silent_worker(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            until(lambda: job.status == "running", "the beginning")
            self.server.command(job.id, "pause")
            until(lambda: job.paused, "the pause")
            self.assertEqual([command.action for command in job.commands], ["pause"])
            self.assertFalse(job.wait_while_paused(0.01))
            until(lambda: self.server.job(job.id)["status"] == "paused", "the acknowledgement")
            went_on: list[bool] = []
            waiting = threading.Thread(target=lambda: went_on.append(job.wait_while_paused()))
            waiting.start()
            self.server.command(job.id, "resume")
            waiting.join(30)
            self.assertEqual(went_on, [True])
        self.assertEqual(self.server.job(job.id)["status"], "completed")

    def test_a_cancel_reaches_a_silent_worker_and_ends_its_block(self) -> None:
        def work(job: Reporter) -> None:
            while True:
                job.raise_if_cancelled()
                job.wait_while_paused(0.01)

        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            until(lambda: job.status == "running", "the beginning")
            self.server.command(job.id, "cancel")
            with self.assertRaises(JobCancelled):
                work(job)
            job.raise_if_cancelled()
        self.assertEqual(self.server.job(job.id)["status"], "cancelled")

    def test_commands_can_be_acknowledged_by_hand(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK, acknowledge="by_hand") as job:
            until(lambda: job.status == "running", "the beginning")
            self.server.command(job.id, "cancel")
            until(lambda: job.cancelled, "the cancel")
            self.assertEqual(self.server.job(job.id)["status"], "cancelling")
            job.acknowledge(job.commands[0])
        self.assertEqual(self.server.job(job.id)["status"], "cancelled")

    def test_a_worker_that_says_nothing_does_not_look_stalled(self) -> None:
        with Reporter.job("analysis", url=self.server.url, stall_after_ms=3_000) as job:
            until(lambda: job.status == "running", "the beginning")
            began = self.server.job(job.id)["updated_at"]
            seen = {began}

            def moves() -> bool:
                seen.add(self.server.job(job.id)["updated_at"])
                return len(seen) > 4

            until(moves, "signs of life")
        self.assertNotIn("stalled", {event["type"] for event in self.server.events(job.id)})

    def test_a_forked_child_reports_under_its_own_name(self) -> None:
        with Reporter.job("analysis", url=self.server.url, options=QUICK) as job:
            job.log("info", "parent before")
            child = os.fork()
            if child == 0:
                try:
                    said = job.log("info", "child") and job.flush(30)
                except BaseException:
                    said = False
                os._exit(0 if said else 1)
            _, status = os.waitpid(child, 0)
            self.assertEqual(status, 0)
            job.log("info", "parent after")
        self.assertEqual(sorted(lines(self.server, job.id)), ["child", "parent after", "parent before"])
        self.assertEqual(self.server.job(job.id)["status"], "completed")


class CrashTest(RealServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.spool = self.enterContext(tempfile.TemporaryDirectory())

    def worker(self, job: str, first: int, count: int) -> subprocess.Popen[str]:
        arguments = [sys.executable, str(WORKING), self.server.url, self.spool, job, str(first), str(count)]
        paths = os.pathsep.join(path for path in sys.path if path)
        return subprocess.Popen(
            arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )

    def test_the_server_is_killed_in_the_middle(self) -> None:
        with Reporter.job("import", url=self.server.url, options=QUICK) as job:
            for number in range(400):
                job.log("info", str(number))
                if number == 100:
                    until(lambda: job.counts.acknowledged > 0, "an acknowledgement")
                    self.server.kill()
                if number == 300:
                    self.server.start()
            self.assertTrue(job.flush(60))
        self.assertEqual(lines(self.server, job.id), [str(number) for number in range(400)])
        self.assertEqual(job.counts.dropped, 0)

    def test_the_job_is_made_when_the_server_comes(self) -> None:
        self.server.kill()
        with Reporter.job("import", url=self.server.url, options=ReportOptions(close_timeout=60)) as job:
            job.log("info", "said to nobody")
            self.server.start()
        self.assertEqual(lines(self.server, job.id), ["said to nobody"])
        self.assertEqual(self.server.job(job.id)["status"], "completed")

    def test_the_worker_is_killed_in_the_middle(self) -> None:
        said = -1
        for killed_after in (3, 40, 200):
            worker = self.worker("job_w", said + 1, 100_000)
            assert worker.stdout is not None
            for line in worker.stdout:
                said = int(line)
                if said >= killed_after:
                    break
            worker.kill()
            # What was printed before the end is still in the pipe.
            for line in worker.stdout:
                said = int(line)
            worker.wait()
            worker.stdout.close()
        last = self.worker("job_w", said + 1, 10)
        last.communicate(timeout=60)
        self.assertEqual(last.returncode, 0)
        seen = lines(self.server, "job_w")
        self.assertEqual(len(seen), len(set(seen)), "a report came twice")
        # Whoever is killed between saying a number and printing it is followed by one that says it again.
        numbers = [int(line.split()[0]) for line in seen]
        self.assertEqual(numbers, sorted(numbers), "reports came out of order")
        self.assertEqual(sorted(set(numbers)), list(range(said + 11)), "a report was lost")
        self.assertEqual(self.server.job("job_w")["status"], "completed")
        self.assertEqual(os.listdir(self.spool), [])

    def test_what_a_worker_left_is_sent_by_the_next_one_on_any_job(self) -> None:
        self.server.kill()
        worker = self.worker("job_w", 0, 5)
        assert worker.stdout is not None
        for line in worker.stdout:
            if line.strip() == "4":
                break
        worker.kill()
        worker.wait()
        worker.stdout.close()
        self.server.start()
        self.assertEqual(self.server.job("job_w"), {})
        with Reporter.job("import", url=self.server.url, spool=self.spool, options=QUICK):
            until(lambda: [line[0] for line in lines(self.server, "job_w")] == list("01234"), "what was left")
        until(lambda: os.listdir(self.spool) == [], "the end of the spool")


class AskingTest(RealServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.headway = Headway(self.server.url)

    def test_jobs(self) -> None:
        jobs = self.headway.jobs
        wanted = {"session": "s", "tags": ["t"], "metadata": {"name": "Zoë"}}
        made = jobs.create("import", idempotency_key="k", **wanted)
        self.assertEqual(jobs.create("import", idempotency_key="k", **wanted), made)
        for number in range(3):
            jobs.create("other", metadata={"n": number})
        self.assertEqual([job["id"] for job in jobs.list(session="s")["jobs"]], [made["id"]])
        self.assertEqual(len(list(jobs.all(kind="other", status=["pending"]))), 3)
        reply = jobs.report(made["id"], [{"type": "log", "message": str(n)} for n in range(3)])
        self.assertEqual(reply["commands"], [])
        jobs.report(made["id"], [{"type": "start"}], producer=("me", 1))
        self.assertEqual(jobs.pause(made["id"])["status"], "pausing")
        self.assertEqual(jobs.resume(made["id"])["status"], "running")
        self.assertEqual(jobs.cancel(made["id"])["status"], "cancelling")
        self.assertEqual(jobs.records(made["id"], limit=1)["records"][0]["patch"]["kind"], "import")
        types = [event["type"] for event in jobs.events(made["id"])]
        self.assertEqual(types[:4], ["created", "log", "log", "log"])
        self.assertIn("next", jobs.history(made["id"], limit=2))

    def test_a_history_is_read_from_its_newest_event_back_and_by_types(self) -> None:
        jobs = self.headway.jobs
        job = jobs.create("import")["id"]
        jobs.report(job, [{"type": "start"}, *({"type": "log", "message": str(n)} for n in range(6))])
        newest = jobs.history(job, before="latest", limit=3)
        self.assertEqual([event.get("message") for event in newest["events"]], ["3", "4", "5"])
        before = jobs.history(job, before=newest["previous"], limit=100)
        self.assertEqual([event["type"] for event in before["events"]], ["created", "start", *["log"] * 3])
        self.assertNotIn("previous", before)
        self.assertEqual([event["message"] for event in jobs.events(job, types=["log"])], list("012345"))

    def test_refusals(self) -> None:
        with self.assertRaises(HeadwayError) as refused:
            self.headway.jobs.get("nope")
        error = refused.exception
        self.assertEqual((error.status, error.code, error.retryable), (404, "not_found", False))
        with self.assertRaises(HeadwayError) as refused:
            self.headway.jobs.create("import", total="many")
        self.assertEqual((refused.exception.code, refused.exception.field), ("invalid", "total"))
        self.server.kill()
        with self.assertRaises(HeadwayError) as refused:
            self.headway.jobs.list()
        self.assertEqual((refused.exception.code, refused.exception.retryable), ("unreachable", True))
        self.server.start()


class SignInTest(Bounded):
    KEY = "an-example-key-of-at-least-32-characters"

    def setUp(self) -> None:
        self.server = self.enterContext(Server("--sign-in", "keys", HEADWAY_ADMIN_KEY=self.KEY))
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)

    def job(self, token: TokenSource) -> Reporter:
        return Reporter.job("import", url=self.server.url, token=token, options=QUICK)

    def test_a_worker_without_a_valid_token_keeps_what_it_says(self) -> None:
        job = self.job("hw_nobody")
        job.log("info", "kept")
        until(lambda: job.error is not None, "the refusal")
        self.assertFalse(job.flush(0.01))
        assert job.error is not None
        self.assertEqual((job.error.status, job.counts.dropped), (401, 0))
        self.assertFalse(job.close())

    def test_whose_token_is_revoked_in_the_middle_counts_every_report(self) -> None:
        for spool in (None, self.enterContext(tempfile.TemporaryDirectory())):
            with self.subTest(spool=spool is not None):
                key = self.administer("POST", "/api/v1/keys", {"name": "worker", "scopes": ["report"]})
                job = Reporter.job(
                    "import", url=self.server.url, token=key["key"], spool=spool, options=QUICK
                )
                for number in range(50):
                    job.log("info", str(number))
                self.assertTrue(job.flush(60))
                taken = job.counts.acknowledged
                self.administer("DELETE", f"/api/v1/keys/{key['id']}")
                for number in range(50, 100):
                    job.log("info", str(number))
                self.assertFalse(job.close())
                assert job.error is not None
                self.assertEqual(job.error.status, 401)
                left = (50, 0) if spool is None else (0, 50)
                counts = job.counts
                self.assertEqual((counts.dropped, counts.spooled), left)
                self.assertEqual((counts.acknowledged, counts.refused), (taken, 0))

    def administer(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401
        said = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.KEY}"}
        request = urllib.request.Request(self.server.url + path, said, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def test_a_token_that_is_not_taken_is_replaced_by_the_next_one(self) -> None:
        tokens = iter(["hw_nobody", self.KEY])
        with self.job(lambda: next(tokens, self.KEY)) as job:
            job.log("info", "arrives")
        self.assertEqual((job.error, job.status), (None, "completed"))
        headway = Headway(self.server.url, lambda: next(tokens, self.KEY))
        self.assertEqual(headway.jobs.get(job.id)["status"], "completed")

    def test_who_may_watch_watches_over_each_transport_and_others_are_told(self) -> None:
        with self.job(self.KEY) as job:
            job.complete(7)
        transports: list[TransportName] = ["websocket", "events", "poll"]
        for transport in transports:
            with self.subTest(transport):
                headway = Headway(self.server.url, self.KEY, transports=[transport])
                self.assertEqual(headway.wait(job.id)["result"], 7)
                for token in ("hw_nobody", None):
                    with self.assertRaises(HeadwayError) as refused:
                        next(Headway(self.server.url, token, transports=[transport]).watch(job.id))
                    self.assertEqual(refused.exception.code, "unauthenticated")

    def test_a_token_comes_from_a_file(self) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".key") as file:
            file.write(self.KEY + "\n")
            file.flush()
            program = "from headway import Headway; print(Headway().jobs.list())"
            paths = os.pathsep.join(path for path in sys.path if path)
            said = subprocess.run(
                [sys.executable, "-c", program],
                check=True,
                capture_output=True,
                text=True,
                env={"HEADWAY_URL": self.server.url, "HEADWAY_TOKEN_FILE": file.name, "PYTHONPATH": paths},
            )
        self.assertEqual(said.stdout, "{'jobs': []}\n")


class BatchTest(Bounded):
    def setUp(self) -> None:
        self.server = self.enterContext(Server("--allow-exec"))
        self.headway = Headway(self.server.url)
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    def test_a_batch_of_a_list(self) -> None:
        program = "import json,sys; n = json.load(sys.stdin); sys.exit(3) if n == 2 else print(n * 2)"
        executor = {"type": "command", "argv": [sys.executable, "-c", program]}
        batches = self.headway.batches
        batch = batches.create([1, 2, 3], executor=executor, retry={"max_attempts": 1}, name="Numbers")
        self.assertEqual(self.headway.wait(batch["id"])["status"], "completed")
        results = {item["index"]: item for item in batches.results(batch["id"])}
        self.assertEqual([results[n].get("output") for n in range(3)], [2, None, 6])
        self.assertEqual([item["index"] for item in batches.all_items(batch["id"], status=["failed"])], [1])
        batches.save_results(batch["id"], self.folder / "results.csv", format="csv")
        self.assertIn("index", (self.folder / "results.csv").read_text())
        groups = batches.errors(batch["id"])["groups"]
        self.assertEqual([(group["code"], group["count"]) for group in groups], [("exit_code", 1)])
        self.assertEqual(batches.timings(batch["id"], points=10)["finished"], 3)
        self.assertEqual(self.headway.kinds(), [])
        self.assertIn(batches.retry(batch["id"], items=[1])["status"], ("queued", "running"))

    def test_a_batch_of_a_file(self) -> None:
        file = self.folder / 'le"ads.jsonl'
        file.write_text("".join(f'{{"input": {n}}}\n' for n in range(5_000)))
        executor = {"type": "command", "argv": ["true"]}
        batch = self.headway.batches.upload(file, executor=executor, start=False)
        self.assertEqual(batch["items"]["total"], 5_000)
        self.assertEqual(len(self.headway.batches.items(batch["id"], limit=10)["items"]), 10)
        estimate = self.headway.batches.estimate_file(file, executor=executor)
        self.assertEqual(estimate["items"], 5_000)
        self.assertEqual(self.headway.batches.estimate([1], executor=executor)["items"], 1)
        self.headway.batches.cancel(batch["id"])


class WatchingTest(RealServerTest):
    def setUp(self) -> None:
        super().setUp()
        self.headway = Headway(self.server.url)
        self.job = self.headway.jobs.create("import", session="s", tags=["t"])["id"]

    def report(self, *events: Event) -> None:
        self.headway.jobs.report(self.job, events)

    def watch(self, transport: str, selection: Selection | None = None) -> Watch:
        address, token = self.headway._asker.address, self.headway._asker.token
        selection = selection or Selection("job", self.job, True)
        return Watch(address, token, selection, [transport])  # type: ignore[list-item]

    def test_a_job_from_now_to_its_end_over_each_transport(self) -> None:
        for transport in ("websocket", "events", "poll"):
            with self.subTest(transport):
                self.job = self.headway.jobs.create("import")["id"]
                watch = self.watch(transport)
                self.assertIsInstance(next(watch), StateChanged)
                self.report({"type": "log", "message": "one"}, {"type": "progress", "percent": 50})
                self.report({"type": "log", "message": "two"}, {"type": "complete", "result": 7})
                changes: list[Change] = list(watch)
                events = [change.event for change in changes if isinstance(change, EventHappened)]
                messages = [event["message"] for event in events if event["type"] == "log"]
                self.assertEqual(messages, ["one", "two"])
                self.assertIsInstance(changes[-1], Ended)
                self.assertEqual(changes[-1].job["result"], 7)
                self.assertEqual(list(self.watch(transport))[-1].job["result"], 7)

    def test_a_watch_goes_on_where_it_was_when_the_server_was_killed(self) -> None:
        for transport in ("websocket", "events", "poll"):
            for word in ("job", "session"):
                with self.subTest(transport, word=word):
                    session = f"s-{transport}-{word}"
                    self.job = self.headway.jobs.create("import", session=session)["id"]
                    selection = Selection(word, self.job if word == "job" else session, True)
                    self.goes_on(self.watch(transport, selection))

    def goes_on(self, watch: Watch) -> None:
        with watch:
            next(watch)
            self.report(*({"type": "log", "message": str(n)} for n in range(5)))
            seen: list[str] = []
            while len(seen) < 5:
                change = next(watch)
                if isinstance(change, EventHappened) and change.event["type"] == "log":
                    seen.append(change.event["message"])
            self.server.kill()
            self.server.start()
            self.report(*({"type": "log", "message": str(n)} for n in range(5, 10)), {"type": "complete"})
            for change in watch:
                self.assertNotIsInstance(change, Gap)
                if isinstance(change, EventHappened) and change.event["type"] == "log":
                    seen.append(change.event["message"])
                if isinstance(change, Ended):
                    break
        self.assertEqual(seen, [str(n) for n in range(10)])

    def test_several_jobs_by_session_and_tag(self) -> None:
        for watch in (self.headway.watch_session("s"), self.headway.watch_tag("t"), self.headway.watch_all()):
            with watch:
                self.assertEqual(next(watch).job["id"], self.job)

    def test_a_watch_of_many_is_told_of_their_ends_once_and_over_one_connection(self) -> None:
        for transport in ("websocket", "events", "poll"):
            with self.subTest(transport):
                jobs = {self.headway.jobs.create("import", session=transport)["id"] for _ in range(5)}
                watch = Headway(self.server.url, transports=[transport]).watch_session(transport)
                with watch:
                    shown = {next(watch).job["id"] for _ in jobs}
                    for job in jobs:
                        self.headway.jobs.report(job, [{"type": "complete"}])
                    ended = [next(change for change in watch if isinstance(change, Ended)) for _ in jobs]
                self.assertEqual(shown, jobs)
                self.assertEqual({change.job["id"] for change in ended}, jobs)
                self.assertEqual(watch._number, 1)

    def test_what_is_not_there_is_said(self) -> None:
        for name in ("nope", "no/pe"):
            for transport in ("websocket", "events", "poll"):
                self.job = name
                with self.subTest(name, transport=transport), self.assertRaises(HeadwayError) as refused:
                    next(self.watch(transport))
                self.assertEqual(refused.exception.code, "not_found")

    def test_a_watch_is_closed_by_another_thread(self) -> None:
        for transport in ("websocket", "events", "poll"):
            with self.subTest(transport):
                watch = self.watch(transport)
                next(watch)
                waiting = threading.Thread(target=list, args=(watch,))
                waiting.start()
                watch.close()
                waiting.join(30)
                self.assertFalse(waiting.is_alive())


if __name__ == "__main__":
    main()
