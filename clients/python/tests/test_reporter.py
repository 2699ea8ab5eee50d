"""The work is never waited on and never broken, whatever the server does or does not."""

from __future__ import annotations

import gc
import logging
import os
import re
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import main

from headway import HeadwayError, JobCancelled, Reporter, ReportOptions
from headway.reporting.spool import orphans
from support.bounded import Bounded
from support.peer import BlackHole
from support.server import until

PATIENT = ReportOptions(request_timeout=600, close_timeout=0.1)
_COMES_BACK = 120.0
"""Seconds for what does not wait, tens of thousands of calls on a busy machine; a request has more."""


def returns(what: Callable[[], object]) -> bool:
    """Whether something comes back, and does not wait for what never comes."""
    thread = threading.Thread(target=what, daemon=True)
    thread.start()
    thread.join(_COMES_BACK)
    return not thread.is_alive()


class UnreachableTest(Bounded):
    def setUp(self) -> None:
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)

    def test_calls_return_while_a_request_is_never_answered(self) -> None:
        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, options=PATIENT)
            self.assertTrue(hole.asked.wait(30))

            def work() -> None:
                with job.step("one") as step:
                    for number in range(20_000):
                        job.progress(number / 200)
                        job.log("info", f"line {number}")
                        step.progress(number / 200)
                job.complete({"rows": 1})

            self.assertTrue(returns(work))
            self.assertEqual(hole.connections, 1)
            self.assertLessEqual(len(job._desk.session.waiting), PATIENT.queue_events + 1)
            self.assertTrue(returns(job.flush))
            self.assertTrue(returns(job.close))
            self.assertEqual(job.counts.acknowledged, 0)

    def test_an_answer_that_drips_or_does_not_come_is_given_up(self) -> None:
        for drip in (b"x", b""):
            with self.subTest(drip=drip), BlackHole(b"HTTP/1.1 200 OK\r\nX-Drip: ", forever=drip) as hole:
                options = ReportOptions(request_timeout=0.3, close_timeout=0.1)
                job = Reporter.job("import", url=hole.url, options=options)
                until(lambda: hole.connections >= 2, "a second attempt")
                job.close()

    def test_a_log_that_takes_its_time_holds_up_nothing(self) -> None:
        logging.disable(logging.NOTSET)
        over = threading.Event()

        class Slow(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                entered.set()
                over.wait(60)

        entered, slow, log = threading.Event(), Slow(), logging.getLogger("headway")
        with BlackHole() as hole:
            url = hole.url
        log.addHandler(slow)
        try:
            job = Reporter.job("import", url=url, options=PATIENT)
            self.assertTrue(entered.wait(30))
            self.assertTrue(returns(lambda: [job.progress(percent) for percent in range(100)]))
        finally:
            over.set()
            log.removeHandler(slow)
        job.close()

    def test_nobody_listens(self) -> None:
        with BlackHole() as hole:
            url = hole.url
        with Reporter.job("import", url=url, options=PATIENT) as job:
            for number in range(100):
                self.assertTrue(job.log("info", str(number)))
        self.assertEqual(job.counts.acknowledged, 0)

    def test_an_exception_of_the_work_goes_on_and_none_is_added(self) -> None:
        with (
            BlackHole() as hole,
            self.assertRaises(ZeroDivisionError),
            Reporter.job("import", url=hole.url, options=PATIENT) as job,
        ):
            job.progress(1 / 0)

    def test_an_exception_that_cannot_say_what_it_is_goes_on_as_itself(self) -> None:
        class Mute(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no words")

        with (
            BlackHole() as hole,
            self.assertRaises(Mute),
            Reporter.job("import", url=hole.url, options=PATIENT) as job,
            job.step("one"),
        ):
            raise Mute

    def test_a_log_that_raises_breaks_neither_the_work_nor_the_sending(self) -> None:
        logging.disable(logging.NOTSET)

        class Broken(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                raise RuntimeError("a handler with a mistake")

        broken, log = Broken(), logging.getLogger("headway")
        log.addHandler(broken)
        self.addCleanup(log.removeHandler, broken)
        refused = b"HTTP/1.1 503 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        with BlackHole(refused) as hole:
            job = Reporter.job("import", url=hole.url, options=PATIENT)
            self.assertFalse(job.progress(101))
            until(lambda: hole.connections >= 2, "another attempt after one that was told of")
            self.assertFalse(job.close())

    def test_a_value_that_cannot_be_read_costs_the_report_and_not_the_work(self) -> None:
        class Moving(dict[str, int]):
            def items(self) -> Any:  # noqa: ANN401
                raise RuntimeError("dictionary changed size during iteration")

        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, options=PATIENT)
            self.assertFalse(job.partial("rows", Moving(rows=1)))
            self.assertFalse(job.complete(Moving(rows=1)))
            self.assertEqual(list(job._desk.session.waiting)[-1].kind, "fail")
            job.close()

    def test_a_second_close_says_what_the_first_one_said(self) -> None:
        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, options=PATIENT)
            said: list[bool] = []
            closing = [threading.Thread(target=lambda: said.append(job.close())) for _ in range(2)]
            for thread in closing:
                thread.start()
            for thread in closing:
                thread.join()
            self.assertEqual([*said, job.close()], [False, False, False])

    def test_the_end_of_a_program_is_not_kept_waiting(self) -> None:
        program = (
            "import sys; from headway import Reporter, ReportOptions\n"
            "options = ReportOptions(request_timeout=600, close_timeout=0.2)\n"
            "Reporter.job('import', url=sys.argv[1], options=options).progress(5)\n"
        )
        with BlackHole() as hole:
            ended = subprocess.run([sys.executable, "-c", program, hole.url], timeout=60, check=False)
        self.assertEqual(ended.returncode, 0)

    def test_a_disk_that_takes_nothing_costs_the_spool_and_not_the_work(self) -> None:
        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, spool="/dev/null/no", options=PATIENT)
            self.assertTrue(job.progress(5))
            job.close()


class ArgumentsTest(Bounded):
    def setUp(self) -> None:
        hole = self.enterContext(BlackHole())
        self.url = hole.url

    def job(self, *, strict: bool = False) -> Reporter:
        job = Reporter.job("import", url=self.url, options=PATIENT, strict=strict)
        self.addCleanup(job.close)
        return job

    def wrong(self, job: Reporter) -> list[Callable[[], bool]]:
        return [
            lambda: job.progress(101),
            lambda: job.progress(float("nan")),
            lambda: job.progress("half"),  # type: ignore[arg-type]
            lambda: job.progress(),
            lambda: job.progress(done=1.5),  # type: ignore[arg-type]
            lambda: job.log("loud", "x"),  # type: ignore[arg-type]
            lambda: job.log("info", "x", field=object()),
            lambda: job.usage("gpt-x"),
            lambda: job.usage("gpt-x", tokens=-1),
            lambda: job.cost(0.1),  # type: ignore[arg-type]
            lambda: job.partial("chart", {1, 2}),
        ]

    def test_wrong_arguments_are_logged_and_dropped(self) -> None:
        job = self.job()
        for call in self.wrong(job):
            with self.assertLogs("headway", logging.ERROR):
                self.assertFalse(call())
        self.assertEqual(job.counts.refused, len(self.wrong(job)))

    def test_wrong_arguments_raise_where_that_is_wanted(self) -> None:
        job = self.job(strict=True)
        for call in self.wrong(job):
            with self.assertRaises(ValueError):
                call()

    def test_numbers_of_other_libraries_are_numbers(self) -> None:
        class Count:
            def __index__(self) -> int:
                return 7

            def __float__(self) -> float:
                return 7.5

        job = self.job(strict=True)
        self.assertTrue(job.progress(Count(), done=Count()))  # type: ignore[arg-type]
        self.assertTrue(job.progress(100 * 1.0000000000000002))

    def test_what_cannot_be_meant_is_refused_at_once(self) -> None:
        for arguments in ({"url": "ftp://x"}, {"url": "http://me:secret@x"}, {"id": "a b"}):
            with self.subTest(arguments), self.assertRaises(ValueError):
                Reporter.job("import", **arguments)  # type: ignore[arg-type]
        with self.assertRaises(ValueError):
            Reporter.job(url=self.url)
        with self.assertRaises(TypeError):
            Reporter.job("import", url=self.url, sesion="s")  # type: ignore[call-arg]
        for metadata in ({"at": object()}, {"share": float("nan")}, {"name": "\ud800"}):
            with self.subTest(metadata), self.assertRaises((TypeError, ValueError)):
                Reporter.job("import", url=self.url, metadata=metadata)
        with self.assertRaises(ValueError):
            ReportOptions(queue_events=0)


class SecretsTest(Bounded):
    def test_a_token_is_nowhere_to_be_read(self) -> None:
        secret = "hw_0123456789abcdef"
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        refused = b'HTTP/1.1 401 No\r\nContent-Length: 43\r\n\r\n{"code":"unauthenticated","detail":"no way"}'
        with self.assertLogs("headway", logging.DEBUG) as logs, BlackHole(refused) as hole:
            job = Reporter.job("import", url=hole.url, token=secret, spool=folder, options=PATIENT)
            until(lambda: job.error is not None, "the refusal")
            error = job.error
            assert isinstance(error, HeadwayError)
            seen = [repr(job), repr(error), str(error), repr(job._token), *logs.output]
            job.close()
        seen += [path.read_text() for path in folder.iterdir()]
        self.assertGreater(len(seen), 5)
        self.assertNotIn(secret, "\n".join(seen))

    def test_a_token_that_no_header_can_carry_is_not_sent_and_not_repeated(self) -> None:
        with self.assertLogs("headway", logging.ERROR) as logs, BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, token="one\r\nX-Two: 2", options=PATIENT)
            until(lambda: job.error is not None, "the refusal")
            job.close()
        self.assertNotIn("X-Two", "\n".join(logs.output))
        self.assertEqual(hole.connections, 0)

    def test_a_spool_is_for_its_owner_alone(self) -> None:
        folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "spool"
        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, spool=folder, options=PATIENT)
            modes = [path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())]
            job.close()
        self.assertEqual(modes, [0o700, 0o600])


class SpoolTest(Bounded):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)

    def leave(self, url: str, line: str, job: str = "job_1") -> None:
        """A reporter that says something and cannot send it."""
        reporter = Reporter.job("import", id=job, url=url, spool=self.folder, options=PATIENT)
        reporter.log("info", line)
        reporter.close()

    def kept(self) -> list[str]:
        """Log lines in all files."""
        found = [path.read_text() for path in self.folder.iterdir()]
        return sorted(re.findall(r'"message":"([^"]*)"', "".join(found)))

    def test_what_waits_for_another_server_is_left_alone(self) -> None:
        with BlackHole() as one, BlackHole() as other:
            self.leave(one.url, "for one")
            self.leave(other.url, "for the other")
            self.leave(other.url, "and more")
        self.assertEqual(self.kept(), ["and more", "for one", "for the other"])

    def test_what_cannot_be_read_is_kept(self) -> None:
        with BlackHole() as hole:
            self.leave(hole.url, "of a newer version")
            (path,) = self.folder.iterdir()
            path.write_text(path.read_text().replace('"spool":1', '"spool":2'))
            self.leave(hole.url, "of this one")
            self.assertEqual(self.kept(), ["of a newer version", "of this one"])
            path.write_text("no line of a spool")
            self.leave(hole.url, "of another job", job="job_2")
        self.assertIn("no line of a spool", [path.read_text() for path in self.folder.iterdir()])

    def test_two_reporters_on_one_job_have_a_spool_each(self) -> None:
        with BlackHole() as hole:
            first = Reporter.job("import", id="job_1", url=hole.url, spool=self.folder, options=PATIENT)
            self.leave(hole.url, "of the second")
            first.log("info", "of the first")
            first.close()
        self.assertEqual(self.kept(), ["of the first", "of the second"])
        self.assertEqual(len(list(self.folder.iterdir())), 2)

    def test_a_forked_process_does_not_hold_what_its_parent_left(self) -> None:
        if not hasattr(os, "fork"):
            self.skipTest("there are no forks here")
        with BlackHole() as hole:
            self.leave(hole.url, "of an earlier run", job="job_1")
            (left,) = orphans(self.folder)
            forked, over = os.pipe(), os.pipe()
            child = os.fork()
            if child == 0:
                os.close(over[1])
                os.write(forked[1], b".")
                os.read(over[0], 1)
                os._exit(0)
            os.read(forked[0], 1)
            left.close()
            found = orphans(self.folder)
            for spool in found:
                spool.close()
            os.close(over[1])
            os.waitpid(child, 0)
            for end in (*forked, over[0]):
                os.close(end)
        self.assertEqual(len(found), 1)

    def test_a_disk_that_is_full_leaves_no_half_of_a_file(self) -> None:
        with BlackHole() as hole:
            self.leave(hole.url, "on the disk")
        (spool,) = orphans(self.folder)

        def lines() -> Iterator[str]:
            yield "half"
            raise OSError(28, "No space left on device")

        with self.assertRaises(OSError):
            spool.rewrite(lines())
        spool.close()
        self.assertEqual(self.kept(), ["on the disk"])
        self.assertEqual(len(list(self.folder.iterdir())), 1)

    def test_a_spool_does_not_grow_with_what_was_replaced(self) -> None:
        options = ReportOptions(queue_bytes=4_000, request_timeout=600, close_timeout=0.1)
        with BlackHole() as hole:
            job = Reporter.job("import", url=hole.url, spool=self.folder, options=options)
            for number in range(5_000):
                job.progress(number / 50, message="x" * 100)
            (path,) = self.folder.iterdir()
            size = path.stat().st_size
            job.close()
        self.assertLess(size, 20_000)


class StopTest(Bounded):
    def test_leaving_by_a_cancel_ends_there(self) -> None:
        with BlackHole() as hole, Reporter.job("import", url=hole.url, options=PATIENT):
            raise JobCancelled("as raise_if_cancelled does")

    def test_a_job_that_is_over_is_let_go_although_nobody_closes_it(self) -> None:
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        body = b'{"code":"invalid","detail":"no"}'
        refused = b"HTTP/1.1 422 No\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        with BlackHole(refused) as hole:
            job = weakref.ref(Reporter.job("import", url=hole.url, spool=folder, options=PATIENT))

            def is_gone() -> bool:
                gc.collect()
                return job() is None

            until(is_gone, "the end of the reporter")
        self.assertEqual(list(folder.iterdir()), [])

    def test_nothing_is_left_behind(self) -> None:
        before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
        with BlackHole() as hole:
            for _ in range(5):
                Reporter.job("import", url=hole.url, options=PATIENT).close()
        gc.collect()
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("headway")]
        until(
            lambda: not [one for one in threading.enumerate() if one.name in names],
            f"the end of {names}",
        )
        if before:
            self.assertLessEqual(len(os.listdir("/proc/self/fd")), len(before) + 1)


if __name__ == "__main__":
    main()
