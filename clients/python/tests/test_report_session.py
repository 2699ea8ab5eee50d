"""What a worker says arrives once and in order, whatever becomes of requests, answers and the worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from unittest import main

from hypothesis import given, settings
from hypothesis import strategies as st

from headway.reporting.journal import Identity, head_line, restore
from headway.reporting.options import ReportOptions
from headway.reporting.session import ReportSession
from headway.reporting.terms import Purpose, Sending, Stage
from support.bounded import Bounded
from support.model import ModelServer, answer, refusal

IDENTITY = Identity("job_1", "me", {"kind": "import", "id": "job_1"}, False)

OUTCOMES = ["well", "answer lost", "lost", "503", "429", "html", "401"]
ACTIONS = st.lists(
    st.one_of(
        st.sampled_from(["log", "bad", "step", "partial", "crash", "torn crash", "wait"]),
        st.tuples(st.just("progress"), st.integers(0, 100)),
        st.tuples(st.just("send"), st.sampled_from(OUTCOMES)),
    ),
    max_size=80,
)


class Run:
    """A worker and the model, with a clock that passes only by waiting."""

    def __init__(self, options: ReportOptions, *, names_the_culprit: bool = True) -> None:
        self.options = options
        self.server = ModelServer(names_the_culprit=names_the_culprit)
        self.now = 0.0
        self.said = 0
        self.percent: int | None = None
        self.kept: list[str] = []
        self.lines = [head_line(IDENTITY, "http://server", made=False, next_seq=1)]
        self.dropped = self.refused = 0
        self.session = ReportSession(IDENTITY, options)

    def do(self, action: str | tuple[str, Any]) -> None:
        match action:
            case "log" | "partial" | "step" | "bad":
                self._event(action)
            case ("progress", percent):
                if self.session.report({"type": "progress", "percent": percent}):
                    self.percent = max(percent, self.percent or 0)
            case ("send", outcome):
                self._send(outcome)
            case "wait":
                self.now += 0.05
            case "crash" | "torn crash":
                self._crash(torn=action == "torn crash")
        self.write()

    def write(self) -> None:
        self.lines += iter(self.session.poll_line, None)

    def settle(self) -> None:
        """From now on all is well."""
        for _ in range(2_000):
            if self.session.is_settled:
                return
            self.session.handle_token()
            deadline = self.session.next_deadline()
            if deadline is not None:
                self.now = max(self.now, deadline)
            self._send("well")
            self.write()
        raise AssertionError("it does not settle")

    @property
    def arrived(self) -> list[str]:
        """Events that are kept, as the server has them."""
        return [_name(event) for event in self.server.applied if event["type"] != "progress"]

    def _event(self, kind: str) -> None:
        self.said += 1
        name = f"{kind} {self.said}"
        events: dict[str, dict[str, Any]] = {
            "log": {"type": "log", "message": name},
            "bad": {"type": "log", "message": "bad", "fields": {"name": name}},
            "partial": {"type": "partial", "name": name, "data": None},
            "step": {"type": "step_start", "step": name},
        }
        if self.session.report(events[kind]) and kind != "bad":
            self.kept.append(name)

    def _send(self, outcome: str) -> None:
        session = self.session
        self.now += 0.2
        sending = session.poll_request(self.now)
        if sending is None:
            return
        assert session.poll_request(self.now + 1_000) is None, "two requests are under way"
        assert len(sending.entries) <= self.options.batch_events
        match outcome:
            case "well":
                session.handle_answer(self.server.take(sending), self.now, 1.0)
            case "answer lost":
                self.server.take(sending)
                session.handle_failure("the answer was lost", self.now, 1.0)
            case "lost":
                session.handle_failure("the request was lost", self.now, 0.5)
            case "503":
                session.handle_answer(refusal(503, "overloaded", retryable=True), self.now, 1.0)
            case "429":
                busy = answer(429, {"code": "rate_limited", "detail": ""}, retry_after="3")
                session.handle_answer(busy, self.now, 0.0)
                deadline = session.next_deadline()
                assert deadline is not None
                assert deadline >= self.now + 3
            case "html":
                session.handle_answer(answer(200, "a page of some hotel"), self.now, 1.0)
            case "401":
                session.handle_answer(refusal(401, "unauthenticated"), self.now, 1.0)
                assert session.stage is Stage.SHUT_OUT
                session.handle_token()

    def _crash(self, *, torn: bool) -> None:
        """The process is killed, perhaps while a request is under way and in the middle of a line."""
        self.write()
        sending = self.session.poll_request(self.now)
        if sending is not None and self.said % 2:
            self.server.take(sending)
        self.dropped += self.session.counts.dropped
        self.refused += self.session.counts.refused
        lines = [*self.lines, '{"seq": 9, "type": "lo'] if torn else self.lines
        left = restore(lines)
        assert left is not None
        self.session = ReportSession.restored(left, self.options)


def _name(event: dict[str, Any]) -> str:
    return str(event.get("step") or event.get("name") or event["message"])


class NothingIsLostOrDoubledTest(Bounded):
    @settings(max_examples=400, deadline=None)
    @given(ACTIONS, st.booleans(), st.sampled_from([1, 2, 7, 100]))
    def test_what_was_said_arrives_once_and_in_order(
        self, actions: list[Any], names_the_culprit: bool, batch: int
    ) -> None:
        run = Run(ReportOptions(batch_events=batch), names_the_culprit=names_the_culprit)
        for action in actions:
            run.do(action)
        run.settle()
        self.assertEqual(run.arrived, run.kept)
        self.assertEqual(run.dropped + run.session.counts.dropped, 0)
        states = [event["percent"] for event in run.server.applied if event["type"] == "progress"]
        # The server's percent does not fall.
        self.assertEqual(max(states, default=None), run.percent)

    @settings(max_examples=300, deadline=None)
    @given(ACTIONS, st.integers(1, 6))
    def test_a_full_queue_drops_and_counts_and_keeps_the_order(self, actions: list[Any], most: int) -> None:
        run = Run(ReportOptions(queue_events=most, queue_bytes=600))
        for action in actions:
            run.do(action)
            self.assertLessEqual(len(run.session.waiting), most)
            self.assertLessEqual(run.session.waiting.bytes, 600)
        said = run.said
        run.settle()
        arrived = [name for name in run.arrived if "were dropped" not in name]
        self.assertEqual(arrived, [name for name in run.kept if name in set(arrived)])
        self.assertEqual(len(arrived), len(set(arrived)))
        lost = run.dropped + run.session.counts.dropped + run.refused + run.session.counts.refused
        self.assertLessEqual(said - len(arrived), lost)

    @settings(max_examples=200, deadline=None)
    @given(ACTIONS)
    def test_the_end_arrives_and_is_the_last(self, actions: list[Any]) -> None:
        run = Run(ReportOptions(queue_events=4, queue_bytes=600))
        for action in actions:
            run.do(action)
        run.session.report({"type": "complete", "result": {"rows": 7}})
        run.write()
        run.do("crash")
        self.assertFalse(run.session.report({"type": "log", "message": "too late"}))
        run.settle()
        self.assertEqual(run.server.applied[-1]["type"], "complete")
        self.assertEqual(run.server.applied[-1]["result"], {"rows": 7})
        self.assertIs(run.session.stage, Stage.OVER)


class Counted(ReportSession):
    """A session that notes what it is given, by the worker or by itself."""

    handed = 0

    def report(self, event: Mapping[str, Any]) -> bool:
        before = self.waiting.next_seq
        taken = super().report(event)
        # A state that was merged into one that waits is one report with it.
        if not taken or self.waiting.next_seq > before:
            self.handed += 1
        return taken


class EveryReportIsInOneCountTest(Bounded):
    @settings(max_examples=400, deadline=None)
    @given(
        ACTIONS.map(lambda actions: [action for action in actions if "crash" not in action]),
        st.integers(1, 20),
        st.sampled_from(["all is well", "at once", "under way", "job over", "job gone"]),
        st.booleans(),
        st.booleans(),
    )
    def test_whatever_the_end(
        self, actions: list[Any], most: int, end: str, spooled: bool, said: bool
    ) -> None:
        run = Run(ReportOptions(queue_events=most, queue_bytes=600, batch_events=3))
        run.session = session = Counted(IDENTITY, run.options)
        for action in actions:
            run.do(action)
        if said:
            session.report({"type": "complete"})
        match end:
            case "all is well":
                run.settle()
            case "under way":
                sending = session.poll_request(run.now + 1_000)
                session.close(spooled=spooled)
                if sending is not None:
                    session.handle_answer(run.server.take(sending), run.now, 1.0)
            case "job over" | "job gone":
                run.server.status = "cancelled" if end == "job over" else None
                session.report({"type": "step_start", "step": "in vain"})
                for _ in range(3):
                    run.do(("send", "well"))
        session.report({"type": "log", "message": "one more"})
        session.close(spooled=spooled)
        session.close(spooled=spooled)
        counts = session.counts
        together = counts.acknowledged + counts.dropped + counts.refused + counts.spooled
        self.assertEqual(together, session.handed, counts)
        self.assertEqual(counts.spooled, len(session.waiting) if spooled else 0)


class SessionTest(Bounded):
    def setUp(self) -> None:
        self.session = ReportSession(Identity("job_1", "me", None, True), ReportOptions())
        self.server = ModelServer()
        self.server.status = "running"

    def exchange(self, now: float) -> Sending:
        sending = self.session.poll_request(now)
        assert sending is not None
        self.session.handle_answer(self.server.take(sending), now, 1.0)
        return sending

    def test_states_are_conflated_until_they_are_sent(self) -> None:
        for percent in range(50):
            self.session.report({"type": "progress", "percent": percent, "metadata": {f"m{percent % 2}": 1}})
        self.session.report({"type": "step_update", "step": "a", "percent": 1})
        self.session.report({"type": "step_update", "step": "a", "tasks": ["t"]})
        events = [entry.event for entry in self.exchange(0).entries]
        self.assertEqual(
            events,
            [
                {"type": "progress", "percent": 49, "metadata": {"m0": 1, "m1": 1}},
                {"type": "step_update", "step": "a", "percent": 1, "tasks": ["t"]},
            ],
        )

    def test_a_state_is_not_conflated_past_what_it_would_mean_something_else_after(self) -> None:
        said: list[dict[str, Any]] = [
            {"type": "progress", "phase": "one"},
            {"type": "phase", "name": "two"},
            {"type": "progress", "percent": 5},
            {"type": "progress", "phase": "three"},
            {"type": "progress", "phase": "four"},
            {"type": "progress", "done": 5, "total": 10},
            {"type": "progress", "done": 12},
        ]
        for event in said:
            self.session.report(event)
        events = [entry.event for entry in self.exchange(0).entries]
        self.assertEqual(
            events,
            [
                said[0],
                said[1],
                {"type": "progress", "percent": 5, "phase": "three"},
                {"type": "progress", "phase": "four", "done": 5, "total": 10},
                said[6],
            ],
        )

    def test_what_was_sent_is_not_changed_any_more(self) -> None:
        self.session.report({"type": "progress", "percent": 1})
        lost = self.session.poll_request(0)
        assert lost is not None
        self.session.report({"type": "progress", "percent": 2})
        self.server.take(lost)
        self.session.handle_failure("no answer", 0, 0.0)
        self.exchange(0)
        self.assertEqual([event["percent"] for event in self.server.applied], [1, 2])

    def test_a_batch_has_at_most_a_hundred_reports(self) -> None:
        for number in range(250):
            self.session.report({"type": "log", "message": str(number)})
        self.assertEqual([len(self.exchange(second).entries) for second in range(3)], [100, 100, 50])

    def test_nothing_is_sent_beside_what_may_end_the_job(self) -> None:
        for event in ("log", "ack", "log"):
            self.session.report({"type": event, "message": "x", "command": "cmd-1"})
        kinds = [[entry.kind for entry in self.exchange(second).entries] for second in range(2)]
        self.assertEqual(kinds, [["log", "ack"], ["log"]])

    def test_what_was_answered_is_not_sent_again_after_a_crash_and_no_number_is_used_twice(self) -> None:
        lines = [head_line(IDENTITY, "http://server", made=True, next_seq=1)]
        for number in range(3):
            self.session.report({"type": "log", "message": str(number)})
            self.exchange(number)
        lines += iter(self.session.poll_line, None)
        left = restore(lines)
        assert left is not None
        self.assertEqual(left.entries, ())
        self.assertGreater(left.next_seq, 3)

    def test_a_run_after_one_that_lost_its_disk_is_heard(self) -> None:
        lines = [head_line(IDENTITY, "http://server", made=True, next_seq=1)]
        self.session.report({"type": "log", "message": "on the disk"})
        lines += iter(self.session.poll_line, None)
        self.session.report({"type": "log", "message": "not on the disk"})
        self.exchange(0)
        left = restore(lines)
        assert left is not None
        self.session = ReportSession.restored(left, ReportOptions())
        self.session.report({"type": "log", "message": "of the next run"})
        self.exchange(0)
        messages = [event["message"] for event in self.server.applied]
        self.assertEqual(messages, ["on the disk", "not on the disk", "of the next run"])

    def test_states_together_come_to_what_they_come_to_in_turn(self) -> None:
        cases: list[tuple[dict[str, Any], dict[str, Any], float]] = [
            ({"percent": 40}, {"done": 50, "total": 100}, 50),
            ({"percent": 60}, {"done": 50, "total": 100}, 60),
            ({"done": 50, "total": 100}, {"percent": 60}, 60),
            ({"done": 50, "total": 100}, {"percent": 40}, 50),
            ({"percent": 60}, {"percent": 40}, 60),
        ]
        for second, (one, other, percent) in enumerate(cases):
            with self.subTest(one=one, other=other):
                self.session.report({"type": "progress", **one})
                self.session.report({"type": "progress", **other})
                (entry,) = self.exchange(second).entries
                self.assertEqual(entry.event["percent"], percent)

    def test_waits_double_with_full_jitter_and_stay_at_sixteen_seconds(self) -> None:
        self.session.report({"type": "log", "message": "x"})
        now, waits = 0.0, []
        for _ in range(7):
            self.assertIsNotNone(self.session.poll_request(now))
            self.session.handle_failure("away", now, 0.5)
            deadline = self.session.next_deadline()
            assert deadline is not None
            self.assertIsNone(self.session.poll_request(deadline - 0.001))
            waits.append(deadline - now)
            now = deadline
        self.assertEqual(waits, [0.5, 1, 2, 4, 8, 8, 8])

    def test_a_refused_report_is_dropped_and_told_once_and_the_others_go_on(self) -> None:
        for number in range(6):
            self.session.report({"type": "log", "message": "bad" if number % 2 else str(number)})
        for second in range(4):
            self.exchange(second)
        self.assertEqual([event["message"] for event in self.server.applied], ["0", "2", "4"])
        self.assertEqual(self.session.counts.refused, 3)
        notices = [notice.level for notice in iter(self.session.poll_notice, None)]
        self.assertEqual(notices, ["error"])

    def test_a_result_that_is_refused_fails_the_job_and_says_why(self) -> None:
        self.session.report({"type": "complete", "result": "large"})
        self.assertIsNotNone(self.session.poll_request(0))
        self.session.handle_answer(refusal(413, "too_large"), 0, 1.0)
        self.exchange(1)
        self.assertEqual(self.server.applied[-1]["error"]["code"], "report_refused")
        self.assertTrue(self.session.is_settled)

    def test_without_a_token_reports_are_kept_and_sent_with_the_next_one(self) -> None:
        self.session = ReportSession(Identity("job_1", "me", None, True), ReportOptions(), asks=True)
        self.session.report({"type": "log", "message": "one"})
        self.assertIsNotNone(self.session.poll_request(0))
        self.session.handle_answer(refusal(403, "forbidden"), 0, 1.0)
        self.session.report({"type": "log", "message": "two"})
        self.assertIsNone(self.session.poll_request(1_000))
        self.assertFalse(self.session.is_settled)
        levels = [notice.level for notice in iter(self.session.poll_notice, None)]
        self.assertEqual(levels, ["error"])
        self.assertTrue(self.session.asks_token(0), "another one may be had at once")
        self.session.handle_token()
        self.assertIsNotNone(self.session.poll_request(1))
        self.session.handle_answer(refusal(403, "forbidden"), 1, 1.0)
        self.assertFalse(self.session.asks_token(60))
        self.assertTrue(self.session.asks_token(61))
        self.session.handle_token()
        self.assertEqual(list(iter(self.session.poll_notice, None)), [], "it was said once")
        self.exchange(61)
        self.assertEqual([event["message"] for event in self.server.applied], ["one", "two"])

    def test_after_an_end_that_others_decided_nothing_is_sent_and_the_work_is_to_stop(self) -> None:
        self.server.status = "cancelled"
        self.session.report({"type": "log", "message": "still here"})
        self.exchange(0)
        self.assertTrue(self.session.is_stopping)
        self.assertIs(self.session.stage, Stage.OVER)
        self.assertFalse(self.session.report({"type": "log", "message": "and here"}))
        self.assertEqual(self.session.counts.dropped, 2)
        self.assertIsNone(self.session.next_deadline())

    def test_a_silent_worker_asks_for_commands_and_shows_that_it_lives(self) -> None:
        session = self.session = ReportSession(
            Identity("job_1", "me", None, True), ReportOptions(heartbeat=5), stall_after=30
        )
        session.report({"type": "log", "message": "x"})
        self.exchange(0)
        events = []
        for _ in range(4):
            deadline = session.next_deadline()
            assert deadline is not None
            sending = self.exchange(deadline)
            self.assertIs(sending.purpose, Purpose.LISTEN)
            assert isinstance(sending.request.body, bytes)
            events.append((deadline, json.loads(sending.request.body)["type"]))
        self.assertEqual(events, [(5, "start"), (10, "progress"), (15, "start"), (20, "progress")])

    def test_commands_are_told_and_acknowledged_once(self) -> None:
        pause = {"id": "cmd-1", "action": "pause", "requested_at": "2026-01-10T09:30:00.000Z"}
        self.server.commands = [pause]
        self.session.report({"type": "log", "message": "x"})
        self.exchange(0)
        self.assertEqual([(one.id, one.action) for one in self.session.commands], [("cmd-1", "pause")])
        self.session.acknowledge_all("pause")
        self.session.acknowledge_all("pause")
        self.exchange(1)
        acknowledged = [event["command"] for event in self.server.applied if event["type"] == "ack"]
        self.assertEqual(acknowledged, ["cmd-1"])

    def test_a_command_is_acknowledged_when_there_is_room_again(self) -> None:
        session = self.session = ReportSession(
            Identity("job_1", "me", None, True), ReportOptions(queue_events=1)
        )
        self.server.status = "running"
        self.server.commands = [{"id": "cmd-1", "action": "pause"}]
        session.report({"type": "phase", "name": "one"})
        self.exchange(0)
        session.report({"type": "phase", "name": "two"})
        session.acknowledge_all("pause")
        self.exchange(1)
        session.acknowledge_all("pause")
        self.exchange(2)
        self.assertEqual([event["type"] for event in self.server.applied], ["phase", "phase", "ack"])

    def test_what_had_to_go_is_said_in_the_jobs_own_log(self) -> None:
        session = self.session = ReportSession(
            Identity("job_1", "me", None, True), ReportOptions(queue_events=2)
        )
        for number in range(5):
            session.report({"type": "log", "message": str(number)})
        self.exchange(0)
        self.exchange(1)
        messages = [event["message"] for event in self.server.applied]
        self.assertEqual(messages[:2], ["3", "4"])
        self.assertIn("3 reports of the worker were dropped", messages[2])

    def test_what_is_no_json_is_not_taken(self) -> None:
        looped: list[Any] = []
        looped.append(looped)
        for value in (float("nan"), object(), looped, {1, 2}):
            with self.subTest(value=type(value)), self.assertRaises((TypeError, ValueError)):
                self.session.report({"type": "complete", "result": value})
        self.assertEqual(len(self.session.waiting), 0)
        self.assertFalse(self.session.is_finished)


if __name__ == "__main__":
    main()
