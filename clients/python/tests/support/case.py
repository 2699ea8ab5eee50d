"""One case of schema/corpus/session, played against a session with a virtual clock."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from unittest import TestCase

from headway.watching.connection import Close
from headway.watching.output import (
    AskToken,
    Connect,
    ConnectionChanged,
    Disconnect,
    Happened,
    JobChanged,
    Output,
    Send,
    SubscriptionChanged,
)
from headway.watching.selection import Selection
from headway.watching.session import Session, SessionOptions

BEGINNING = datetime(2026, 1, 10, 9, 30, tzinfo=timezone.utc).timestamp() * 1000
"""When every case begins."""
HEARTBEAT_MS = 20_000
"""Between two heartbeats."""


class Player:
    """Plays a case from its beginning to its end."""

    def __init__(self, test: TestCase, case: dict[str, Any]) -> None:
        options = case.get("options", {})
        self._test = test
        self._session = Session(
            SessionOptions(
                options.get("transports", ["websocket", "events", "poll"]),
                options.get("sign_in", False),
                options.get("attempts", 5),
            )
        )
        self._keys: dict[str, str] = {}
        self._events: list[str] = []
        self._now = BEGINNING
        self._random = 1.0
        self._connection = 0
        self.done: list[dict[str, Any]] = []

    def play(self, step: dict[str, Any]) -> None:
        """Does what a step says, or checks what it expects."""
        word, value = next(iter(step.items()))
        session, now = self._session, self._now
        match word:
            case "watch":
                self._watch(value, step["selector"], step.get("events"))
            case "unwatch":
                session.unsubscribe(self._keys[value], now)
            case "open":
                session.handle_open(self._connection, now)
            case "frame":
                session.handle_frame(self._connection, value, now, self._random)
            case "close":
                close = Close(**{"reason": "", **value})
                session.handle_close(self._connection, close, now, self._random)
            case "token":
                session.handle_token(value, now)
            case "token_failure":
                session.handle_token_failure(value, now, self._random)
            case "online":
                session.handle_online(value, now)
            case "visible":
                session.handle_visible(value, now)
            case "signed_in":
                session.resume(now)
            case "command":
                session.look_again(now)
            case "random":
                self._random = value
            case "wait_ms":
                self._pass(value)
            case "heartbeats_ms":
                self._heartbeats(value)
            case _:
                self._check(word, value, step)
        # Steps that happen together are followed by what comes of all of them.
        if step.get("together") is not True:
            self._drain()

    def _check(self, word: str, value: Any, step: dict[str, Any]) -> None:  # noqa: ANN401
        session, equal = self._session, self._test.assertEqual
        match word:
            case "does":
                done, self.done = self.done, []
                equal(done, value)
            case "job":
                lane = session.lane(value)
                equal(None if lane is None else lane.job, step["is"])
            case "connection":
                for name, expected in value.items():
                    equal(self._connection_member(name), expected, name)
            case "events":
                equal(self._events, value)
            case "ended":
                for job, expected in value.items():
                    lane = session.lane(job)
                    equal(None if lane is None else lane.ended, expected, job)
            case "refused":
                for watch, expected in value.items():
                    refusal = session.refusal(self._keys[watch])
                    equal(None if refusal is None else refusal.code, expected, watch)
            case "lists":
                for watch, expected in value.items():
                    equal(sorted(job for job, _ in session.lanes(self._keys[watch])), expected)
            case _:
                self._test.fail(f"`{word}` is no step")

    def _connection_member(self, name: str) -> object:
        if name == "offline":
            return self._session.offline
        return getattr(self._session.phase, "until" if name == "retryAt" else name, None)

    def _watch(self, name: str, selector: dict[str, Any], events: Any) -> None:  # noqa: ANN401
        ((word, value),) = selector.items()
        key = repr((selector, events))
        self._keys[name] = key
        selection = Selection(word, "true" if value is True else value, events)
        self._session.subscribe(key, selection, self._now)

    def _pass(self, milliseconds: float) -> None:
        """Time passes, and every deadline is kept to the millisecond."""
        end = self._now + milliseconds
        for _ in range(10_000):
            deadline = self._session.next_deadline()
            if deadline is None or deadline > end:
                self._now = end
                return
            self._now = max(self._now, deadline)
            self._session.handle_timeout(self._now, self._random)
            self._drain()
        self._test.fail("deadlines come without end")

    def _heartbeats(self, milliseconds: int) -> None:
        for left in range(milliseconds, 0, -HEARTBEAT_MS):
            self._pass(min(left, HEARTBEAT_MS))
            heartbeat = {"type": "heartbeat", "at": ""}
            self._session.handle_frame(self._connection, heartbeat, self._now, self._random)

    def _drain(self) -> None:
        while (output := self._session.poll_output()) is not None:
            self._note(output)

    def _note(self, output: Output) -> None:
        match output:
            case AskToken():
                self.done.append({"asks": "token"})
            case Connect(connection, transport, path, token):
                self._connection = connection
                shown = {} if token is None else {"token": token}
                self.done.append({"connect": transport, "path": path, **shown})
            case Send(_, message):
                self.done.append({"send": message})
            case Disconnect():
                self.done.append({"disconnect": True})
            case Happened(frame):
                gap = frame["type"] == "gap"
                self._events.append(f"gap:{frame['reason']}" if gap else frame["event"]["message"])
            case ConnectionChanged() | JobChanged() | SubscriptionChanged():
                pass
