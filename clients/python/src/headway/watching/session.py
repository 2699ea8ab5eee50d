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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
from .frame import Frame, read_frame
from .lane import Applied, Lane
from .names import Names, Subject
from .output import (
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
from .selection import STREAM, Selection, address, subscribe
from .subscriptions import Subscriptions

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
_LONGEST_PAUSE_MS = 60_000
"""The longest that a closing server can keep a client away."""
_SIGNED_OUT = frozenset({"token_expired", "revoked", "unauthenticated"})
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
        self._subscriptions = Subscriptions()
        self._names = Names()
        self._credential = Credential(asked=options.sign_in)
        self._backoff = Backoff(options.attempts)
        self._worked: set[int] = set()
        self._phase: Phase = Idle()
        self._transport = 0
        self._connections = 0
        self._offline = False
        self._opened = False
        # What is watched is no longer what a stream without messages brings.
        self._stale = False
        # When what is watched last changed: changes that come together make one connection.
        self._changed_at: float | None = None
        # When the connection is given up unless something comes.
        self._silent_at: float | None = None
        self._silence_ms: float = _CONNECT_MS
        self._closing_at: float | None = None
        self._linger_at: float | None = None
        self._closing: tuple[str, float] | None = None

    def poll_output(self) -> Output | None:
        """The next thing to do or to tell; ``None`` when there is none."""
        if not self._outputs and self._changed_at is not None:
            now, self._changed_at = self._changed_at, None
            self._settle(now)
        return self._outputs.popleft() if self._outputs else None

    def next_deadline(self) -> float | None:
        """When to call `handle_timeout`; ``None`` when only an event can change anything."""
        phase = self._phase
        renew_at = self._credential.renew_at if phase.state == "live" else None
        until = phase.until if isinstance(phase, Waiting) else None
        times = (self._silent_at, self._closing_at, self._linger_at, renew_at, until)
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
        return self._subscriptions.lane(job)

    def lanes(self, key: str) -> list[tuple[str, Lane]]:
        """What is known of all jobs that a subscription brings."""
        return list(self._subscriptions.lanes(key))

    def refusal(self, key: str) -> Refusal | None:
        """Why a subscription is not served; ``None`` when it is."""
        return self._subscriptions.refusal(key)

    def subscribe(self, key: str, selection: Selection, now: float) -> None:
        """Watches something, or counts one more reader of it. ``key`` names the selection."""
        if not self._subscriptions.add(key, selection):
            return
        if self._subscriptions.refusal(key) is not None:
            self._outputs.append(SubscriptionChanged(key))
            return
        self._linger_at = None
        if self._speaks():
            # Whoever is shown a state that is here already misses no event after it.
            cursor = self._subscriptions.cursor(selection) if selection.events else None
            self._send(subscribe(self._names.take(Subject(key=key)), selection, cursor))
        else:
            self._stale = True
        self._changed_at = now

    def unsubscribe(self, key: str, now: float) -> None:
        """One reader less."""
        gone = self._subscriptions.remove(key)
        if gone is None:
            return
        self._withdraw(lambda subject: subject.key == key or subject.looked_up in gone)
        if not self._speaks():
            self._stale = True
        self._changed_at = now

    def forget(self, job: str) -> None:
        """Lets go of what is known of a job that has ended, which a selector may bring again."""
        self._subscriptions.lose(job)

    def handle_open(self, connection: int, now: float) -> None:
        """A transport is through; for a poll, an answer came."""
        transport = self._current(connection)
        if transport is None:
            return
        self._opened = True
        self._heard(now)
        if transport == "websocket":
            token = self._credential.token
            # The same token again: the answer says until when it holds.
            if token is not None:
                self._send({"type": "auth", "token": token})
            for key, selection in self._subscriptions.standing(transport):
                name = self._names.take(Subject(key=key))
                self._send(subscribe(name, selection, self._subscriptions.cursor(selection)))
            for job in self._look_ups():
                lane = self._subscriptions.lane(job)
                name = self._names.take(Subject(looked_up=job))
                self._send(subscribe(name, Selection("job", job), None if lane is None else lane.cursor))
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
        elif self._phase.state == "live" and taken == "new" and self._speaks():
            # Renewing in place: whoever has no other token keeps this one until the server ends it.
            self._send({"type": "auth", "token": self._credential.token})

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
        if isinstance(self._phase, Waiting):
            self._come_back(now)
        else:
            self._ping(now)

    def resume(self, now: float) -> None:
        """Somebody has signed in, or wants another try after a refusal."""
        self._outputs.extend(SubscriptionChanged(key) for key in self._subscriptions.forgive())
        self._credential.resume()
        if isinstance(self._phase, Asking):
            return
        self._drop()
        self._come_back(now)

    def handle_timeout(self, now: float, random: float) -> None:
        """A deadline has passed."""

        def passed(deadline: float | None) -> bool:
            return deadline is not None and deadline <= now

        if isinstance(self._phase, Waiting) and passed(self._phase.until):
            self._begin(now)
        phase = self._phase
        if not isinstance(phase, Connected):
            return
        if passed(self._linger_at):
            self._drop()
            self._enter(Idle())
        elif passed(self._silent_at) or passed(self._closing_at):
            self._outputs.append(Disconnect(phase.connection))
            self._closed(Close("nothing came for too long"), now, random)
        elif phase.state == "live" and passed(self._credential.renew_at):
            self._credential.ask()
            self._outputs.append(AskToken())

    def _frame(self, frame: Frame, now: float, random: float) -> None:
        match frame["type"]:
            case "hello":
                self._silence_ms = max(2 * frame["heartbeat_ms"], _PONG_MS)
                self._heard(now)
            case "snapshot" | "update" | "event" | "gap" | "end":
                self._lane_frame(frame, now, random)
            case "error":
                self._refused(frame, now)
            case "result":
                data = frame.get("data")
                if frame["id"] == "auth" and isinstance(data, dict):
                    self._credential.holds_until(_milliseconds(data.get("expires_at")), now, random)
            case "closing":
                self._closing = (frame["reason"], frame["retry_ms"])
                self._closing_at = now + _CLOSING_MS

    def _lane_frame(self, frame: Frame, now: float, random: float) -> None:
        lane = self._subscriptions.lane_of(frame)
        # What nobody watches any more may still be on its way.
        if lane is None:
            return
        job = frame["job"]
        match lane.apply(frame):
            case Applied.KNOWN:
                return
            case Applied.CHANGED:
                happened = frame["type"] in ("event", "gap")
                self._outputs.append(Happened(frame) if happened else JobChanged(job))
                if frame["type"] == "end":
                    self._withdraw(lambda subject: subject.looked_up == job)
                    # A poll answers at once, every time, while one of its jobs has ended.
                    if not self._speaks():
                        self._stale = True
            case Applied.HOLE:
                self._resubscribe(job, lane, now, random)

    def _resubscribe(self, job: str, lane: Lane, now: float, random: float) -> None:
        """Asks for a snapshot of a job, and for the events since the last frame that fitted."""
        if not self._speaks():
            if isinstance(self._phase, Connected) and self._phase.state == "live":
                self._outputs.append(Disconnect(self._phase.connection))
            self._closed(Close("an update does not fit the last one"), now, random)
            return
        entries = self._subscriptions.to(job)
        keys = {key for key, _ in entries}
        self._withdraw(lambda subject: subject.key in keys if subject.key else subject.looked_up == job)
        for key, selection in entries:
            since = lane.event if selection.events else None
            self._send(subscribe(self._names.take(Subject(key=key)), selection, since))
        if not entries:
            self._send(subscribe(self._names.take(Subject(looked_up=job)), Selection("job", job), None))

    def _refused(self, frame: Frame, now: float) -> None:
        name, code = frame.get("id"), frame["code"]
        if name == "auth":
            # A server that asks nobody to sign in says so, once is enough.
            if code in ("unauthenticated", "sign_in_under_way"):
                self._credential.failed(now)
            return
        subject = self._subject(name if isinstance(name, str) else "")
        if subject is None:
            return
        if isinstance(name, str):
            self._names.drop(name)
        if subject.key is not None:
            self._refuse(subject.key, Refusal(code, frame["message"]))
        elif subject.looked_up is not None:
            self._lose(subject.looked_up)

    def _refuse(self, key: str, refusal: Refusal) -> None:
        if self._subscriptions.refuse(key, refusal):
            self._outputs.append(SubscriptionChanged(key))

    def _lose(self, job: str) -> None:
        """A job is not there any more."""
        if self._subscriptions.lose(job):
            self._outputs.append(JobChanged(job))

    def _subject(self, name: str) -> Subject | None:
        """What a name on the wire stands for.

        Where names cannot be chosen the server makes them of what is watched.
        """
        chosen = self._names.find(name)
        if chosen is not None or self._speaks():
            return chosen
        key = self._subscriptions.called(name)
        if key is not None:
            return Subject(key=key)
        return Subject(looked_up=name.removeprefix("job:")) if name.startswith("job:") else None

    def _closed(self, close: Close, now: float, random: float) -> None:
        closing = self._closing
        said = "" if closing is None else closing[0]
        was_live = self._phase.state == "live"
        transport = self._name()
        self._forget_connection()
        if close.code == 4500 or close.status == 401 or said in _SIGNED_OUT:
            self._signed_out(said or "unauthenticated", now)
            return
        if close.status == 204:
            self._outputs.extend(JobChanged(job) for job in self._subscriptions.finish())
            self._lost("the server has nothing more to say", now, self._next_wait(random))
            return
        standing = self._subscriptions.standing(transport)
        if transport != "websocket" and len(standing) == 1 and close.problem == "not_found":
            self._refuse(standing[0][0], Refusal(close.problem, close.reason))
            self._lost(close.reason, now, self._next_wait(random))
            return
        code = close.code
        if code is not None and (4500 <= code < 5000 or code in (1008, 1009)):
            self._enter(Refused(code, close.reason))
            return
        if close.problem is not None and _is_final(close.status):
            self._enter(Refused(close.problem, close.reason))
            return
        if was_live:
            self._transport = min(self._worked)
        pause = (closing[1] if closing is not None else close.retry_ms) or 0
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

    def _signed_out(self, reason: str, now: float) -> None:
        if self._credential.refuse(reason):
            self._begin(now)
        else:
            self._enter(SignedOut(reason))

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
        selections = self._selections()
        cursor = self._subscriptions.cursor(selections[0]) if selections else None
        path = STREAM if transport == "websocket" else address(selections, cursor, transport)
        self._outputs.append(Connect(connection, transport, path, self._credential.token))
        self._enter(Connected("connecting", transport, connection))

    def _selections(self) -> list[Selection]:
        """What a stream without messages has to bring."""
        own = [selection for _, selection in self._subscriptions.standing(self._name())]
        return own + [Selection("job", job) for job in self._look_ups()]

    def _look_ups(self) -> list[str]:
        """Jobs to ask for by name beside what is subscribed."""
        asked, forgotten = self._subscriptions.look_ups()
        for job in forgotten:
            self._lose(job)
        return asked

    def _is_wanted(self) -> bool:
        """Whether there is anything to be connected for."""
        return bool(self._subscriptions.standing(self._name()))

    def _name(self) -> TransportName:
        return self._options.transports[self._transport]

    def _current(self, connection: int) -> TransportName | None:
        """The transport of a connection, when it is the one of interest."""
        phase = self._phase
        if isinstance(phase, Connected) and phase.connection == connection:
            return phase.transport
        return None

    def _speaks(self) -> bool:
        """Whether messages can be sent."""
        return self._opened and isinstance(self._phase, Connected) and self._phase.transport == "websocket"

    def _send(self, message: Frame) -> None:
        if isinstance(self._phase, Connected):
            self._outputs.append(Send(self._phase.connection, message))

    def _withdraw(self, which: Callable[[Subject], bool]) -> None:
        for name in self._names.withdraw(which):
            if self._speaks():
                self._send({"type": "unsubscribe", "id": name})

    def _ping(self, now: float) -> None:
        """Asks whether a connection still lives that may have died unseen."""
        if self._phase.state != "live" or not self._speaks():
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
        if isinstance(self._phase, Connected):
            self._outputs.append(Disconnect(self._phase.connection))
        self._forget_connection()

    def _forget_connection(self) -> None:
        self._opened = False
        self._names.clear()
        self._silent_at = None
        self._closing_at = None
        self._linger_at = None
        self._closing = None

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._outputs.append(ConnectionChanged())


def _is_final(status: int | None) -> bool:
    """Whether the same request would be refused again."""
    return status is not None and 400 <= status < 500 and status not in (408, 429)


def _milliseconds(time: object) -> float | None:
    """A time of the wire on the clock, ``None`` for what is none."""
    if not isinstance(time, str):
        return None
    try:
        # Python 3.10 reads no `Z`.
        return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000
    except ValueError:
        return None
