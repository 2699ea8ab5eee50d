"""What a reporting worker sends, and when: no I/O, no clock, no chance of its own.

Call `report` with what the worker says. Ask `poll_request` what is to be sent now, give its answer to
`handle_answer` or its failure to `handle_failure`, take what there is to write from `poll_line` and to tell
from `poll_notice`, and come back at `next_deadline`. Times are seconds of one clock that does not go back;
random numbers are 0 to 1.

**Invariants:** one request is under way at a time, so that numbers arrive in order; a report is let go only
when it was answered, refused, or had to make room, and each of these is counted; what waits when it is closed
is counted then, so that each report is in one count at last; after the job's end nothing is sent.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ..backoff import Backoff
from ..errors import HeadwayError
from ..http.exchange import Answer, Request, problem
from .journal import Identity, Restored, gone_line, made_line, through_line
from .notices import Notices
from .options import ReportOptions
from .queue import Entry, Event, ReportQueue, text_of
from .terms import Command, Counts, Notice, Purpose, Sending, Stage

__all__ = ["ReportSession"]

SHUT_OUT_PAUSE = 60.0
"""Seconds between two questions for another token after one was refused."""

_ENDED = frozenset({"completed", "failed", "cancelled", "expired"})
_STOPPING = frozenset({"cancelling", "cancelled", "expired"})
_PAUSING = frozenset({"pausing", "paused"})


class ReportSession:
    """One job, one producer, one queue."""

    def __init__(
        self,
        identity: Identity,
        options: ReportOptions,
        *,
        stall_after: float | None = None,
        acknowledges: bool = True,
        asks: bool = False,
    ) -> None:
        self._identity = identity
        self._options = options
        self._acknowledges = acknowledges
        self._asks = asks
        self._is_stuck = False
        self._is_made = identity.create is None
        self._stage = Stage.REPORTING if self._is_made else Stage.MAKING
        self._queue = ReportQueue(options.queue_events, options.queue_bytes)
        self._backoff = Backoff()
        self._under_way: Sending | None = None
        self._retry_at: float | None = None
        self._sent_at: float | None = None
        self._moved_at: float | None = None
        self._most = options.batch_events
        self._urgent = False
        self._finished = False
        self._ended_elsewhere = False
        self._attentive = False
        self._status: str | None = None
        self._commands: tuple[Command, ...] = ()
        self._answered: deque[str] = deque(maxlen=64)
        self._error: HeadwayError | None = None
        self._lines: deque[str] = deque()
        self._notices = Notices(identity.job)
        self._drops_said = 0
        self.counts = Counts()
        # A worker that is silent for a third of what counts as stalled shows that it lives.
        self._alive = min(2 * options.heartbeat, stall_after / 3 if stall_after else float("inf"))

    @classmethod
    def restored(
        cls,
        left: Restored,
        options: ReportOptions,
        *,
        stall_after: float | None = None,
        acknowledges: bool = True,
        asks: bool = False,
    ) -> ReportSession:
        """The session of an earlier run goes on where its spool says that it was."""
        session = cls(left.identity, options, stall_after=stall_after, acknowledges=acknowledges, asks=asks)
        if left.made:
            session._is_made = True
            session._stage = Stage.REPORTING
        session._queue = ReportQueue(options.queue_events, options.queue_bytes, first=left.next_seq)
        session._queue.restore(left.entries)
        session._finished = any(entry.ends for entry in left.entries)
        return session

    @property
    def identity(self) -> Identity:
        """Who reports on what."""
        return self._identity

    @property
    def stage(self) -> Stage:
        """Where it is."""
        return self._stage

    @property
    def status(self) -> str | None:
        """The job's status as the last answer said; ``None`` before there was one."""
        return self._status

    @property
    def commands(self) -> tuple[Command, ...]:
        """What waits for the worker."""
        return self._commands

    @property
    def is_stopping(self) -> bool:
        """Whether the work is not wanted any more."""
        return self._status in _STOPPING or self._ended_elsewhere

    @property
    def is_pausing(self) -> bool:
        """Whether the work is to stand still."""
        return self._status in _PAUSING

    @property
    def is_finished(self) -> bool:
        """Whether the worker has said how the job ended."""
        return self._finished

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be sent that could still be."""
        if self._stage is Stage.OVER:
            return True
        return self._stage is Stage.REPORTING and len(self._queue) == 0

    @property
    def is_stuck(self) -> bool:
        """Whether what waits cannot be sent before somebody gives another token."""
        return self._stage is Stage.SHUT_OUT and self._is_stuck

    @property
    def error(self) -> HeadwayError | None:
        """Why it is shut out or over; ``None`` while all is well."""
        return self._error

    @property
    def made(self) -> bool:
        """Whether the job is known to be there."""
        return self._is_made

    @property
    def waiting(self) -> ReportQueue:
        """What was not acknowledged."""
        return self._queue

    def report(self, event: Event) -> bool:
        """Takes a report. Whether it has a place.

        :raises ValueError: for a number that JSON does not have, or a value that contains itself.
        :raises TypeError: for a value that JSON does not have.
        """
        ack = event["type"] == "ack"
        if self._stage is Stage.OVER or (self._finished and not ack):
            text_of(event)
            self.counts.dropped += 1
            self._notices.late()
            return False
        entry, gone = self._queue.add(event)
        self._lose(gone)
        if entry is None:
            self.counts.dropped += 1
            self._notices.full()
            return False
        if entry.ends:
            self._finished = True
            self._urgent = True
        self._lines.append(entry.text)
        return True

    def acknowledge(self, command: str) -> None:
        """Says that a command was carried out, once."""
        if command in self._answered:
            return
        if self.report({"type": "ack", "command": command}):
            self._answered.append(command)
            self._urgent = True

    def acknowledge_all(self, action: str) -> None:
        """Says that the waiting commands of an action were carried out."""
        for command in self._commands:
            if command.action == action:
                self.acknowledge(command.id)

    def hurry(self) -> None:
        """Somebody waits until everything is sent."""
        self._urgent = True

    def attend(self, attentive: bool) -> None:
        """Whether somebody waits for a command, as a paused worker does."""
        self._attentive = attentive

    def poll_request(self, now: float) -> Sending | None:
        """What to send now; ``None`` when there is nothing, or it is not time, or one is under way."""
        due = self._due()
        if self._under_way is not None or due is None or due > now:
            return None
        self._retry_at = None
        self._under_way = self._next(now)
        self._sent_at = now
        return self._under_way

    def next_deadline(self) -> float | None:
        """When `poll_request` has something; ``None`` when only an event can change that."""
        if self._stage is Stage.SHUT_OUT:
            return self._retry_at if self._asks else None
        return None if self._under_way is not None else self._due()

    def handle_answer(self, answer: Answer, now: float, random: float) -> None:
        """The request under way was answered."""
        sending, self._under_way = self._under_way, None
        if sending is None or self._stage is Stage.OVER:
            return
        if sending.purpose is Purpose.MAKE:
            self._made(answer, now, random)
        elif answer.status == 200 and self._reply(answer):
            self._arrived(sending, now)
        else:
            self._refused(sending, problem(answer), now, random)

    def handle_failure(self, reason: str, now: float, random: float) -> None:
        """The request under way got no answer: it may have arrived or not."""
        self._under_way = None
        if self._stage is not Stage.OVER:
            self._away(reason, None, now, random)

    def handle_no_token(self, reason: str, now: float) -> None:
        """Nobody gave a token for the request under way, or none that can be sent."""
        self._under_way = None
        if self._stage is not Stage.OVER:
            self._shut_out(HeadwayError(reason, code="unauthenticated"), now)

    def handle_token(self) -> None:
        """There is another token: what waits is sent again."""
        if self._stage is Stage.SHUT_OUT:
            self._stage = Stage.REPORTING if self._is_made else Stage.MAKING
            self._error = None
            self._retry_at = None

    def asks_token(self, now: float) -> bool:
        """Whether it is time to ask for another token."""
        if not self._asks or self._stage is not Stage.SHUT_OUT:
            return False
        if self._retry_at is None or now < self._retry_at:
            return False
        self._retry_at = now + SHUT_OUT_PAUSE
        return True

    def close(self, *, spooled: bool) -> None:
        """Nothing is sent any more. What waits is lost, or left in a spool for the next run."""
        if self._stage is Stage.OVER:
            return
        self._stage = Stage.OVER
        if spooled:
            self.counts.spooled += len(self._queue)
        else:
            self.counts.dropped += len(self._queue)

    def poll_line(self) -> str | None:
        """The next line for the spool."""
        return self._lines.popleft() if self._lines else None

    def poll_notice(self) -> Notice | None:
        """The next thing to tell whoever runs the worker."""
        return self._notices.poll()

    def _due(self) -> float | None:
        if self._stage in (Stage.OVER, Stage.SHUT_OUT):
            return None
        if self._retry_at is not None:
            return self._retry_at
        if self._stage is Stage.MAKING:
            return float("-inf")
        if len(self._queue) > 0:
            if self._sent_at is None:
                return float("-inf")
            hurries = self._urgent or len(self._queue) >= self._options.batch_events
            return float("-inf") if hurries else self._sent_at + self._options.interval
        if self._finished or self._sent_at is None or self._status in (None, "pending", "queued"):
            return None
        pace = min(self._options.heartbeat, self._alive)
        return self._sent_at + (min(1.0, pace) if self._attentive else pace)

    def _next(self, now: float) -> Sending:
        path = f"/api/v1/jobs/{quote(self._identity.job, safe='')}/events"
        sent = {"Content-Type": "application/json"}
        if self._stage is Stage.MAKING:
            body = json.dumps(self._identity.create, ensure_ascii=False).encode()
            key = {"Idempotency-Key": self._identity.producer}
            return Sending(Purpose.MAKE, Request("POST", "/api/v1/jobs", body, {**sent, **key}))
        entries = tuple(self._queue.batch(self._most, self._options.batch_bytes))
        if entries:
            body = ("[" + ",".join(entry.text for entry in entries) + "]").encode()
            numbered = {"Producer-Id": self._identity.producer, **sent}
            return Sending(Purpose.REPORT, Request("POST", path, body, numbered), entries)
        # Beginning what runs changes nothing and is answered with what waits for the worker; merging
        # nothing into the metadata changes nothing either, and is heard.
        silent = self._moved_at is None or now - self._moved_at >= self._alive
        event = {"type": "progress", "metadata": {}} if silent and not self.is_pausing else {"type": "start"}
        if event["type"] == "progress":
            self._moved_at = now
        return Sending(Purpose.LISTEN, Request("POST", path, text_of(event).encode(), sent))

    def _made(self, answer: Answer, now: float, random: float) -> None:
        said = answer.json()
        if answer.status == 201 and isinstance(said, dict) and isinstance(said.get("status"), str):
            self._status = said["status"]
            self._begin()
            return
        error = problem(answer)
        if error.code == "already_exists":
            # Made by a request whose answer was lost, or there before under the name that was chosen.
            self._begin()
        elif _passes(error):
            self._away(error.detail, error.retry_after, now, random)
        elif error.status in (401, 403):
            self._shut_out(error, now)
        else:
            self._end(error, f"the job was not made and nothing is reported: {error.detail}")

    def _begin(self) -> None:
        self._stage = Stage.REPORTING
        self._is_made = True
        self._lines.append(made_line())
        self._back()

    def _reply(self, answer: Answer) -> bool:
        said = answer.json()
        if not isinstance(said, dict) or not isinstance(said.get("status"), str):
            return False
        self._status = said["status"]
        waiting = said.get("commands")
        self._commands = tuple(
            Command(
                one["id"],
                str(one.get("action")),
                str(one.get("requested_at", "")),
                _mapping(one.get("reason")),
            )
            for one in (waiting if isinstance(waiting, list) else [])
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        )
        return True

    def _arrived(self, sending: Sending, now: float) -> None:
        if sending.entries:
            self._moved_at = now
            self.counts.acknowledged += len(sending.entries)
            self._queue.remove(sending.entries)
            self._lines.append(through_line(sending.entries[-1].seq))
            self._most = self._options.batch_events
        if len(self._queue) == 0:
            self._urgent = False
        self._back()
        if self._status in _ENDED:
            self._after_end()
        elif self._acknowledges:
            # Going on is what a worker does that does not stand still.
            self.acknowledge_all("resume")

    def _after_end(self) -> None:
        """The job has ended, by what the worker said or without it."""
        gone = self._queue.clear()
        if gone:
            self.counts.dropped += len(gone)
            self._notices.tell("warning", f"it has ended meanwhile: {len(gone)} reports on it were dropped")
        self._stage = Stage.OVER

    def _refused(self, sending: Sending, error: HeadwayError, now: float, random: float) -> None:
        if _passes(error):
            self._away(error.detail, error.retry_after, now, random)
        elif error.status in (401, 403):
            self._shut_out(error, now)
        elif error.code == "job_ended":
            self._ended_elsewhere = True
            self._error = error
            self._after_end()
        elif error.status == 404:
            self._end(error, f"there is no such job for this token, and nothing is reported: {error.detail}")
        elif not sending.entries:
            self._back()
        else:
            self._drop_refused(sending.entries, error)

    def _drop_refused(self, entries: tuple[Entry, ...], error: HeadwayError) -> None:
        """One report refuses its whole request: it goes, and the others are sent again."""
        self._retry_at = None
        index = error.index if error.index is not None and error.index < len(entries) else None
        if index is None and len(entries) > 1:
            # Which one is not said: they go by halves until it is found.
            self._most = len(entries) // 2
            return
        entry = entries[index or 0]
        self.counts.refused += 1
        self._queue.remove([entry])
        self._lines.append(gone_line(entry.seq))
        self._notices.refused(entry.kind, error.field, error.detail)
        if entry.ends:
            self.failed_to_say(entry.kind, error.detail)

    def failed_to_say(self, kind: str, detail: str) -> None:
        """The end of the job cannot be told as the worker said it: it ends as failed, and says why."""
        self._finished = False
        message = f"the worker's report `{kind}` could not be used: {detail}"[:4000]
        self.report({"type": "fail", "error": {"code": "report_refused", "message": message}})

    def _away(self, reason: str, retry_after: float | None, now: float, random: float) -> None:
        wait = self._backoff.next(random) or 0.0
        self._retry_at = now + max(wait, min(retry_after or 0.0, 300.0))
        self._notices.away(reason)

    def _back(self) -> None:
        self._backoff.reset()
        self._retry_at = None
        self._notices.back()
        lost = self.counts.dropped - self._drops_said
        if lost > 0 and not self._finished and self._stage is Stage.REPORTING:
            self._drops_said = self.counts.dropped
            message = f"{lost} reports of the worker were dropped: they came faster than they could be sent"
            self.report({"type": "log", "level": "warning", "message": message})

    def _shut_out(self, error: HeadwayError, now: float) -> None:
        self._stage = Stage.SHUT_OUT
        self._error = error
        # Whoever gives tokens is asked for another one at once, and after that one now and then.
        self._is_stuck = self._notices.told_shut_out or not self._asks
        self._retry_at = now + (SHUT_OUT_PAUSE if self._is_stuck else 0.0)
        self._notices.shut_out(error.detail)

    def _end(self, error: HeadwayError, message: str) -> None:
        self._error = error
        self._stage = Stage.OVER
        self._notices.tell("error", message)
        gone = self._queue.clear()
        self.counts.dropped += len(gone)

    def _lose(self, gone: list[Entry]) -> None:
        for entry in gone:
            self.counts.dropped += 1
            self._lines.append(gone_line(entry.seq))
            self._notices.full()


def _passes(error: HeadwayError) -> bool:
    """Whether the same request may be taken later: when there is a server again where now is none, too."""
    status = error.status or 0
    nobody = status < 400 or (status == 404 and error.code == "unexpected")
    return nobody or status >= 500 or status in (408, 425, 429)


def _mapping(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None
