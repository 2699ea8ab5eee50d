"""What a watching client does, and when: no I/O, no clock, no chance of its own.

Call ``handle_…`` with what happened, then `poll_output` until it gives nothing, then wait for the next event
or until `next_deadline`, and then call `handle_timeout`. Times are milliseconds of one clock that does not
jump and counts from the Unix epoch; random numbers are 0 to 1.

It does what the cases of ``schema/corpus/session`` say, as every client does.

**Invariants:** at most one connection is of interest at a time, and frames of others are passed over; a token
that was refused is never shown again; without a new one nothing is tried.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ..backoff import Backoff
from .connection import (
    Asking,
    Close,
    Connected,
    Idle,
    Phase,
    Refusal,
    Refused,
    SignedOut,
    TransportName,
    Waiting,
)
from .credential import Credential
from .ending import Closing, Seen, ending_of
from .frame import Frame, read_frame
from .lane import Lane
from .output import AskToken, Connect, ConnectionChanged, Disconnect, Output, Send
from .selection import STREAM, Selection, address
from .stream import Stream

__all__ = ["Session", "SessionOptions"]

_CONNECT_MS = 15_000
"""How long a connection may take to say its first word."""
_POLL_MS = 40_000
"""How long a poll may take: the server answers after 20 s when nothing happens."""
_LINGER_MS = 1_000
"""How long nobody has to watch anything before the connection is let go."""
_PONG_MS = 5_000
"""How long an answer to a ping may take when the application or the network has come back."""
_CLOSING_MS = 5_000
"""How long a server may take to close after it has said so."""
_LOOK_MS = 5_000
"""How long after an end it is looked for another attempt, where nobody tells; each time twice as long."""
_LONGEST_LOOK_MS = 160_000
"""The longest of these times; by chance all are up to twice as long."""
_LONGEST_PAUSE_MS = 60_000
"""The longest that a closing server can keep a client away."""
_NO_PROOF = frozenset({"hello", "error", "closing"})
"""A greeting or a refusal is no sign that the next connection will be better."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How a session connects.

    :param transports: ways to connect, best first; at least one.
    :param sign_in: whether there is somebody to ask for a token.
    :param attempts: failures in a row after which the next transport is tried.
    """

    transports: Sequence[TransportName]
    sign_in: bool
    attempts: int = 5


class Session:
    """Subscriptions, what was seen of their jobs, and the one connection that brings them."""

    def __init__(self, options: SessionOptions) -> None:
        self._options = options
        self._outputs: deque[Output] = deque()
        self._stream = Stream()
        self._credential = Credential(asked=options.sign_in)
        self._backoff = Backoff(options.attempts)
        self._worked: set[int] = set()
        self._phase: Phase = Idle()
        self._transport = 0
        self._connections = 0
        self._offline = False
        # What is watched is no longer what a stream without messages brings.
        self._stale = False
        # The jobs that a poll names.
        self._polled: frozenset[str | None] = frozenset()
        # When what is watched last changed: changes that come together make one connection.
        self._changed_at: float | None = None
        # When the connection is given up unless something comes.
        self._silent_at: float | None = None
        self._silence_ms: float = _CONNECT_MS
        self._closing_at: float | None = None
        self._linger_at: float | None = None
        # When to look again at what has ended.
        self._look_at: float | None = None
        self._look_ms: float = _LOOK_MS
        self._closing: Closing | None = None

    def poll_output(self) -> Output | None:
        """The next thing to do or to tell; ``None`` when there is none."""
        self._collect()
        if not self._outputs and self._changed_at is not None:
            now, self._changed_at = self._changed_at, None
            self._settle(now)
        return self._outputs.popleft() if self._outputs else None

    def next_deadline(self) -> float | None:
        """When to call `handle_timeout`; ``None`` when only an event can change anything."""
        phase = self._phase
        renew_at = self._credential.renew_at if phase.state == "live" else None
        until = phase.until if isinstance(phase, Waiting) else None
        times = (self._silent_at, self._closing_at, self._linger_at, self._look_at, renew_at, until)
        return min((time for time in times if time is not None), default=None)

    @property
    def phase(self) -> Phase:
        """How the connection is."""
        return self._phase

    @property
    def offline(self) -> bool:
        """Whether the machine said that it has no network."""
        return self._offline

    def lane(self, job: str) -> Lane | None:
        """What is known of a job that is watched."""
        return self._stream.lane(job)

    def lanes(self, key: str) -> list[tuple[str, Lane]]:
        """What is known of all jobs that a subscription brings."""
        return self._stream.lanes(key)

    def refusal(self, key: str) -> Refusal | None:
        """Why a subscription is not served; ``None`` when it is."""
        return self._stream.refusal(key)

    def subscribe(self, key: str, selection: Selection, now: float) -> None:
        """Watches something, or counts one more reader of it. ``key`` names the selection."""
        if self._stream.subscribe(key, selection):
            self._linger_at = None
            self._changed(now)

    def unsubscribe(self, key: str, now: float) -> None:
        """One reader less."""
        if self._stream.unsubscribe(key):
            self._changed(now)

    def look_again(self, now: float) -> None:
        """Looks whether what has ended has begun again, as after a command.

        Over a WebSocket the server tells of it.
        """
        self._look_ms = _LOOK_MS
        self._look(now)

    def forget(self, job: str) -> None:
        """Lets go of what is known of a job that has ended, which a selector may bring again."""
        self._stream.forget(job)

    def handle_open(self, connection: int, now: float) -> None:
        """A transport is through; for a poll, an answer came."""
        transport = self._current(connection)
        if transport is None:
            return
        self._heard(now)
        if transport == "websocket":
            # The same token again: the answer says until when it holds.
            self._authenticate()
            self._stream.open()
            self._collect()
        elif transport == "poll":
            self._lives()
            self._proven()

    def handle_activity(self, connection: int, now: float) -> None:
        """Something came that is no frame, as a comment does."""
        if self._current(connection) is not None:
            self._heard(now)

    def handle_frame(self, connection: int, message: object, now: float, random: float) -> None:
        """A message came, as parsed JSON. What is no frame is passed over."""
        if self._current(connection) is None:
            return
        self._heard(now)
        frame = read_frame(message)
        if frame is None:
            return
        self._lives()
        if frame["type"] not in _NO_PROOF:
            self._proven()
        self._frame(frame, now, random)
        self._settle(now)

    def handle_close(self, connection: int, close: Close, now: float, random: float) -> None:
        """The connection is over."""
        if self._current(connection) is not None:
            self._closed(close, now, random)
            self._expect(now, random)

    def handle_token(self, token: str | None, now: float) -> None:
        """The application's answer to `AskToken`; without one nobody is signed in."""
        taken = self._credential.take(token)
        if isinstance(self._phase, Asking):
            if not self._is_wanted():
                self._enter(Idle())
            elif taken == "new":
                self._connect(now)
            else:
                self._enter(SignedOut("no_token" if taken == "none" else self._credential.reason))
        elif self._phase.state == "live" and taken == "new" and self._stream.is_open:
            # Renewing in place: whoever has no other token keeps this one until the server ends it.
            self._authenticate()

    def handle_token_failure(self, reason: str, now: float, random: float) -> None:
        """The application could not be asked for a token: it is asked again later."""
        self._credential.failed(now)
        if isinstance(self._phase, Asking):
            wait = self._step(random)
            self._lost(reason, now, Backoff.away(random) * 1000 if wait is None else wait)

    def handle_online(self, online: bool, now: float) -> None:
        """The machine has a network, or none.

        An attempt is still made now and then: the server may be on this machine.
        """
        changed = self._offline == online
        self._offline = not online
        if not changed:
            return
        if not isinstance(self._phase, Waiting):
            self._ping(now)
        elif online:
            # Another network: what did not get through may now.
            self._transport = 0
            self._come_back(now)
        else:
            self._outputs.append(ConnectionChanged())

    def handle_visible(self, visible: bool, now: float) -> None:
        """The application is looked at again, or no longer is.

        One that slept finds out at once whether its connection did not survive.
        """
        if not visible:
            return
        self.look_again(now)
        if isinstance(self._phase, Waiting):
            self._come_back(now)
        else:
            self._ping(now)

    def resume(self, now: float) -> None:
        """Somebody has signed in, or wants another try after a refusal."""
        self._stream.forgive()
        self.look_again(now)
        self._credential.resume()
        if isinstance(self._phase, Asking):
            return
        self._drop()
        self._come_back(now)

    def handle_timeout(self, now: float, random: float) -> None:
        """A deadline has passed."""

        def passed(deadline: float | None) -> bool:
            return deadline is not None and deadline <= now

        if passed(self._look_at):
            self._look_ms = min(2 * self._look_ms, _LONGEST_LOOK_MS)
            self._look(now)
        if isinstance(self._phase, Waiting) and passed(self._phase.until):
            self._begin(now)
        phase = self._phase
        if not isinstance(phase, Connected):
            return
        if passed(self._linger_at):
            self._drop()
            self._enter(Idle())
        elif passed(self._silent_at) or passed(self._closing_at):
            self._give_up("nothing came for too long", now, random)
        elif phase.state == "live" and passed(self._credential.renew_at):
            self._credential.ask()
            self._outputs.append(AskToken())

    def _frame(self, frame: Frame, now: float, random: float) -> None:
        match frame["type"]:
            case "hello":
                self._silence_ms = max(2 * frame["heartbeat_ms"], _PONG_MS)
                self._heard(now)
            case "snapshot" | "update" | "event" | "gap" | "end":
                self._take(frame, now, random)
            case "subscribed":
                self._stream.subscribed(frame["id"])
                self._collect()
            case "error":
                self._refused(frame, now)
            case "result":
                data = frame.get("data")
                if frame["id"] == "auth" and isinstance(data, dict):
                    self._credential.holds_until(data.get("expires_at"), now, random)
            case "closing":
                self._closing = Closing(frame["reason"], frame["retry_ms"])
                self._closing_at = now + _CLOSING_MS

    def _take(self, frame: Frame, now: float, random: float) -> None:
        hole = self._stream.take(frame)
        self._collect()
        if frame["type"] == "end" and not self._stream.is_open:
            # A poll answers at once, every time, while a job that it names has ended.
            self._stale = self._stale or frame["job"] in self._polled
            self._expect(now, random)
        if hole:
            self._give_up("an update does not fit the last one", now, random)

    def _refused(self, frame: Frame, now: float) -> None:
        name, code = frame.get("id"), frame["code"]
        if name == "auth":
            # A server that asks nobody to sign in says so, once is enough.
            if code in ("unauthenticated", "sign_in_under_way"):
                self._credential.failed(now)
            return
        self._stream.refused(name if isinstance(name, str) else "", Refusal(code, frame["message"]))

    def _closed(self, close: Close, now: float, random: float) -> None:
        closing = self._closing
        was_live = self._phase.state == "live"
        transport = self._name()
        self._forget_connection()
        ending = ending_of(close, closing)
        if isinstance(ending, SignedOut):
            self._signed_out(ending, now)
            return
        if isinstance(ending, Seen):
            self._stream.finish()
            self._proven()
            self._lost("the server has nothing more to say", now, self._next_wait(random))
            return
        standing = self._stream.standing(transport)
        if transport != "websocket" and len(standing) == 1 and close.problem == "not_found":
            self._stream.refuse(standing[0][0], Refusal(close.problem, close.reason))
            self._lost(close.reason, now, self._next_wait(random))
            return
        if isinstance(ending, Refused):
            self._enter(ending)
            return
        if was_live:
            self._transport = min(self._worked)
        pause = (closing.retry_ms if closing is not None else close.retry_ms) or 0
        wait = self._next_wait(random)
        self._lost(close.reason, now, max(min(pause, _LONGEST_PAUSE_MS), wait))

    def _next_wait(self, random: float) -> float:
        """The wait before the next attempt; after enough of them the next transport has its turn at once."""
        if self._offline:
            return Backoff.away(random) * 1000
        wait = self._step(random)
        if wait is not None:
            return wait
        self._transport = (self._transport + 1) % len(self._options.transports)
        self._backoff.reset()
        return 0

    def _step(self, random: float) -> float | None:
        wait = self._backoff.next(random)
        return None if wait is None else wait * 1000

    def _lost(self, reason: str, now: float, wait: float) -> None:
        self._enter(Waiting(now + wait, reason) if self._is_wanted() else Idle())

    def _signed_out(self, phase: SignedOut, now: float) -> None:
        if self._credential.refuse(phase.reason):
            self._begin(now)
        else:
            self._enter(phase)

    def _come_back(self, now: float) -> None:
        """Does at once what it waits for."""
        self._backoff.reset()
        self._enter(Idle())
        self._settle(now)

    def _settle(self, now: float) -> None:
        """Makes the connection follow from what is watched."""
        phase = self._phase
        if isinstance(phase, Idle):
            if self._is_wanted():
                self._begin(now)
        elif isinstance(phase, Connected):
            if not self._is_wanted():
                if self._linger_at is None:
                    self._linger_at = now + _LINGER_MS
            elif self._stale and phase.transport != "websocket":
                self._drop()
                self._begin(now)
        elif isinstance(phase, Waiting) and not self._is_wanted():
            self._enter(Idle())

    def _look(self, now: float) -> None:
        self._look_at = None
        if self._stream.has_settled:
            self._stream.doubt()
            self._changed(now)

    def _expect(self, now: float, random: float) -> None:
        """Something may have ended that is looked at again in some time."""
        if self._look_at is None and self._stream.has_settled:
            self._look_at = now + self._look_ms * (1 + random)

    def _begin(self, now: float) -> None:
        if self._credential.ask():
            self._enter(Asking(self._name()))
            self._outputs.append(AskToken())
        else:
            self._connect(now)

    def _connect(self, now: float) -> None:
        self._forget_connection()
        self._connections += 1
        self._stale = False
        transport, connection = self._name(), self._connections
        self._silence_ms = _POLL_MS if transport == "poll" else _CONNECT_MS
        self._silent_at = now + self._silence_ms
        selections = self._stream.selections(transport)
        self._polled = frozenset(one.job for one in selections if transport == "poll")
        path = STREAM if transport == "websocket" else address(selections, self._stream.cursor, transport)
        self._outputs.append(Connect(connection, transport, path, self._credential.token))
        self._enter(Connected("connecting", transport, connection))

    def _is_wanted(self) -> bool:
        """Whether there is anything to be connected for."""
        return bool(self._stream.standing(self._name()))

    def _name(self) -> TransportName:
        return self._options.transports[self._transport]

    def _current(self, connection: int) -> TransportName | None:
        """The transport of a connection, when it is the one of interest."""
        phase = self._phase
        if isinstance(phase, Connected) and phase.connection == connection:
            return phase.transport
        return None

    def _changed(self, now: float) -> None:
        """What is watched is another: a stream without messages has to be asked for anew."""
        if not self._stream.is_open:
            self._stale = True
        self._collect()
        self._changed_at = now

    def _collect(self) -> None:
        """Carries on what the stream wants sent and tells."""
        while (news := self._stream.poll_news()) is not None:
            self._outputs.append(news)
        while (message := self._stream.poll_message()) is not None:
            self._send(message)

    def _authenticate(self) -> None:
        if self._credential.token is not None:
            self._send({"type": "auth", "token": self._credential.token})

    def _send(self, message: Frame) -> None:
        if isinstance(self._phase, Connected):
            self._outputs.append(Send(self._phase.connection, message))

    def _ping(self, now: float) -> None:
        """Asks whether a connection still lives that may have died unseen."""
        if self._phase.state != "live" or not self._stream.is_open:
            return
        self._send({"type": "ping"})
        by = now + _PONG_MS
        self._silent_at = by if self._silent_at is None else min(self._silent_at, by)

    def _heard(self, now: float) -> None:
        self._silent_at = now + self._silence_ms

    def _lives(self) -> None:
        phase = self._phase
        if isinstance(phase, Connected) and phase.state == "connecting":
            self._worked.add(self._transport)
            self._enter(Connected("live", phase.transport, phase.connection))

    def _proven(self) -> None:
        """The connection is of use."""
        self._backoff.reset()
        self._credential.proven()

    def _drop(self) -> None:
        self._disconnect()
        self._forget_connection()

    def _give_up(self, reason: str, now: float, random: float) -> None:
        self._disconnect()
        self._closed(Close(reason), now, random)
        self._expect(now, random)

    def _disconnect(self) -> None:
        if isinstance(self._phase, Connected):
            self._outputs.append(Disconnect(self._phase.connection))

    def _forget_connection(self) -> None:
        self._stream.close()
        self._silent_at = None
        self._closing_at = None
        self._linger_at = None
        self._closing = None

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._outputs.append(ConnectionChanged())
