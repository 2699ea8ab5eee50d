"""The same in asyncio: nothing is waited on that need not be, and nothing is lost."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import IsolatedAsyncioTestCase, main

from headway import (
    AsyncHeadway,
    AsyncReporter,
    AsyncWatch,
    Change,
    Ended,
    EventHappened,
    Gap,
    HeadwayError,
    JobCancelled,
    ReportOptions,
)
from headway.http.address import server_address
from headway.http.aio import AsyncConnection
from headway.http.exchange import Request
from headway.watching.selection import Selection
from support.bounded import Bounded
from support.peer import BlackHole
from support.server import Server

QUICK = ReportOptions(heartbeat=0.1, close_timeout=30)
PATIENT = ReportOptions(request_timeout=600, close_timeout=0.1)


async def until(holds: Callable[[], object], what: str) -> None:
    """Waits for a state, and fails when it does not come."""
    for _ in range(3_000):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} did not come")


class ServedTest(Bounded, IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.server = self.enterContext(Server("--allow-exec"))
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)

    def lines(self, job: str) -> list[str]:
        return [event["message"] for event in self.server.events(job) if event["type"] == "log"]


class ReportingTest(ServedTest):
    async def test_a_worker_says_everything_through_a_crash_of_the_server(self) -> None:
        async with AsyncReporter.job("analysis", url=self.server.url, options=QUICK, session="s") as job:
            for number in range(300):
                job.log("info", str(number))
                if number == 100:
                    self.assertTrue(await job.flush())
                    self.server.kill()
                if number == 200:
                    await asyncio.to_thread(self.server.start)
            with job.step("research", role="agent") as step:
                step.progress(50)
            self.assertTrue(await job.flush(60))
            job.complete({"rows": 1})
        self.assertEqual(self.lines(job.id), [str(number) for number in range(300)])
        document = self.server.job(job.id)
        self.assertEqual((document["status"], document["result"]), ("completed", {"rows": 1}))

    async def test_reports_of_other_threads(self) -> None:
        async with AsyncReporter.job("analysis", url=self.server.url, options=QUICK) as job:
            await asyncio.to_thread(job.log, "info", "from a thread")
            self.assertTrue(await job.flush())
        self.assertEqual(self.lines(job.id), ["from a thread"])

    async def test_pause_resume_and_cancel(self) -> None:
        async with AsyncReporter.job("analysis", url=self.server.url, options=QUICK) as job:
            await until(lambda: job.status == "running", "the beginning")
            self.server.command(job.id, "pause")
            await until(lambda: job.paused, "the pause")
            self.assertFalse(await job.wait_while_paused(0.01))
            waiting = asyncio.create_task(job.wait_while_paused())
            await until(lambda: self.server.job(job.id)["status"] == "paused", "the acknowledgement")
            self.server.command(job.id, "resume")
            self.assertTrue(await waiting)
            self.server.command(job.id, "cancel")
            await until(lambda: job.cancelled, "the cancel")
            with self.assertRaises(JobCancelled):
                job.raise_if_cancelled()
            job.raise_if_cancelled()
        self.assertEqual(self.server.job(job.id)["status"], "cancelled")

    async def test_a_task_that_is_cancelled_fails_its_job(self) -> None:
        jobs: list[AsyncReporter] = []

        async def work() -> None:
            async with AsyncReporter.job("analysis", url=self.server.url, options=QUICK) as job:
                jobs.append(job)
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await until(lambda: jobs and jobs[0].status == "running", "the beginning")
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertEqual(self.server.job(jobs[0].id)["error"]["code"], "CancelledError")

    async def test_a_spool_is_sent_by_the_next_one(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            self.server.kill()
            job = AsyncReporter.job("import", url=self.server.url, spool=folder, options=QUICK)
            job.log("info", "kept")
            self.assertFalse(await job.close(0.01))
            await asyncio.to_thread(self.server.start)
            again = AsyncReporter.job("import", id=job.id, url=self.server.url, spool=folder, options=QUICK)
            again.log("info", "new")
            self.assertTrue(await again.close())
        self.assertEqual(self.lines(job.id), ["kept", "new"])


class UnreachableTest(Bounded, IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)

    async def test_nothing_waits_for_a_server_that_never_answers(self) -> None:
        with BlackHole() as hole:
            async with AsyncReporter.job("import", url=hole.url, options=PATIENT) as job:
                await until(hole.asked.is_set, "the request")
                for number in range(2_000):
                    job.log("info", str(number))
                self.assertFalse(await job.flush(0.01))
            self.assertEqual((hole.connections, job.counts.acknowledged), (1, 0))

    async def test_answers_that_are_none(self) -> None:
        answers = {
            b"\r\n": "does not speak HTTP",
            b"SSH-2.0-OpenSSH\r\n": "does not speak HTTP",
            b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 3 + b"c" * 70_000: "",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n": "",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab": "in time",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n": "",
        }
        for piece, expected in answers.items():
            with self.subTest(piece[:60]), BlackHole(piece) as hole:
                connection = AsyncConnection(server_address(hole.url))
                # Only where nothing more comes is it a matter of time.
                seconds = 0.5 if expected == "in time" else 30
                with self.assertRaises(HeadwayError) as failed:
                    await connection.exchange(Request("GET", "/"), None, seconds)
                self.assertEqual(failed.exception.code, "unreachable")
                self.assertIn(expected, failed.exception.detail)

    async def test_answers_in_pieces(self) -> None:
        chunks = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces = [chunks, b"3;x=y\r\nabc\r\n1", b"0\r\n0123456789abcdef\r", b"\n0\r\nTrailer: 1\r\n\r\n"]
        with BlackHole(*pieces) as hole:
            connection = AsyncConnection(server_address(hole.url))
            answer = await connection.exchange(Request("GET", "/"), None, 30)
            connection.close()
        self.assertEqual((answer.status, answer.body), (200, b"abc0123456789abcdef"))


class AskingTest(ServedTest):
    async def test_jobs_and_batches(self) -> None:
        headway = AsyncHeadway(self.server.url)
        job = await headway.jobs.create("import", session="s")
        self.assertEqual([one["id"] async for one in headway.jobs.all(session="s")], [job["id"]])
        await headway.jobs.report(job["id"], [{"type": "start"}])
        types = [event["type"] async for event in headway.jobs.events(job["id"])]
        self.assertEqual(types, ["created", "start"])
        newest = await headway.jobs.history(job["id"], before="latest", types=["start"])
        self.assertEqual([event["type"] for event in newest["events"]], ["start"])
        self.assertEqual((await headway.jobs.cancel(job["id"]))["status"], "cancelling")
        with self.assertRaises(HeadwayError) as refused:
            await headway.jobs.get("nope")
        self.assertEqual(refused.exception.code, "not_found")

        executor = {"type": "command", "argv": [sys.executable, "-c", "print(input())"]}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "rows.jsonl"
            file.write_text("".join(f'{{"input": {n}}}\n' for n in range(3)))
            batch = await headway.batches.upload(file, executor=executor)
            self.assertEqual((await headway.wait(batch["id"]))["status"], "completed")
            outputs = [item["output"] async for item in headway.batches.results(batch["id"])]
            self.assertEqual(outputs, [0, 1, 2])
            self.assertEqual(len([item async for item in headway.batches.all_items(batch["id"])]), 3)
            self.assertEqual((await headway.batches.errors(batch["id"]))["groups"], [])
            self.assertEqual((await headway.batches.timings(batch["id"]))["finished"], 3)
            self.assertEqual(await headway.kinds(), [])
            self.assertEqual(len((await headway.jobs.records(job["id"]))["records"]), 3)
            await headway.batches.save_results(batch["id"], Path(folder) / "out.jsonl")
            self.assertEqual(len((Path(folder) / "out.jsonl").read_text().splitlines()), 3)


class WatchingTest(ServedTest):
    async def asyncSetUp(self) -> None:
        self.headway = AsyncHeadway(self.server.url)
        self.job = (await self.headway.jobs.create("import", session="s"))["id"]

    async def report(self, *messages: str, end: bool = False) -> None:
        events = [{"type": "log", "message": message} for message in messages]
        await self.headway.jobs.report(self.job, [*events, *([{"type": "complete"}] if end else [])])

    def watch(self, transport: str) -> AsyncWatch:
        address, token = self.headway._asker.address, self.headway._asker.token
        return AsyncWatch(address, token, Selection("job", self.job, ["log"]), [transport])  # type: ignore[list-item]

    async def test_to_the_end_over_each_transport(self) -> None:
        for transport in ("websocket", "events", "poll"):
            with self.subTest(transport):
                self.job = (await self.headway.jobs.create("import"))["id"]
                watch = self.watch(transport)
                await anext(watch)
                await self.report("one")
                await self.report("two", end=True)
                changes: list[Change] = [change async for change in watch]
                events = [change.event for change in changes if isinstance(change, EventHappened)]
                self.assertEqual([event["message"] for event in events], ["one", "two"])
                self.assertIsInstance(changes[-1], Ended)

    async def test_it_goes_on_where_it_was(self) -> None:
        for transport in ("websocket", "events"):
            with self.subTest(transport):
                self.job = (await self.headway.jobs.create("import"))["id"]
                await self.goes_on(self.watch(transport))

    async def goes_on(self, watch: AsyncWatch) -> None:
        seen: list[str] = []
        async with watch:
            await anext(watch)
            await self.report(*map(str, range(5)))
            while len(seen) < 5:
                change = await anext(watch)
                if isinstance(change, EventHappened):
                    seen.append(change.event["message"])
            self.server.kill()
            await asyncio.to_thread(self.server.start)
            await self.report(*map(str, range(5, 10)), end=True)
            async for change in watch:
                self.assertNotIsInstance(change, Gap)
                if isinstance(change, EventHappened):
                    seen.append(change.event["message"])
        self.assertEqual(seen, [str(n) for n in range(10)])

    async def test_a_wait_that_was_cancelled_can_be_taken_up(self) -> None:
        for transport in ("websocket", "events", "poll"):
            with self.subTest(transport):
                self.job = (await self.headway.jobs.create("import"))["id"]
                watch = self.watch(transport)
                await anext(watch)
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(anext(watch), 0.05)
                await self.report("later", end=True)
                events = [change.event async for change in watch if isinstance(change, EventHappened)]
                self.assertEqual([event["message"] for event in events], ["later"])
        gc.collect()


if __name__ == "__main__":
    main()
