"""A watch for a thread: ``for change in watch``."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from types import TracebackType

from ..http.address import Address, token_of
from ..http.exchange import Token
from .connection import Close, TransportName
from .feed import Change, Feed
from .lines import EventsLine, Line, LineClosed, PollLine
from .output import AskToken, Connect, Disconnect, Send
from .selection import Selection
from .session import Session, SessionOptions

__all__ = ["TRANSPORTS", "Watch", "available", "now_ms"]

TRANSPORTS: tuple[TransportName, ...] = ("events", "poll")
"""Ways to read the stream that need no other package, best first."""


class Watch(Iterator[Change]):
    """The changes of what is watched, one after the other.

    It connects with the first one that is asked for, and again whenever the connection is lost, from where
    it was. That of one job ends with the job. Taken from one thread at a time; `close` may be called from
    another one.
    """

    def __init__(
        self,
        address: Address,
        token: Token,
        selection: Selection,
        transports: Sequence[TransportName] = TRANSPORTS,
    ) -> None:
        self._address = address
        self._token = token
        self._session = Session(SessionOptions(available(transports), token.is_there))
        self._feed = Feed(self._session, selection)
        self._line: Line | None = None
        self._number = 0
        self._stopped = threading.Event()
        # Held by whoever reads, so that nobody else closes what it reads from.
        self._reading = threading.Lock()
        self._began = False
        self._selection = selection

    @property
    def state(self) -> str:
        """How the connection is: ``idle``, ``connecting``, ``live`` or ``waiting`` for the next attempt."""
        return self._session.phase.state

    def close(self) -> None:
        """Ends the watch: whoever waits for its next change gets none."""
        self._stopped.set()
        line = self._line
        if line is not None:
            line.abort()
        if self._reading.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._reading.release()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __next__(self) -> Change:
        with self._reading:
            change = self._change()
        if change is None:
            raise StopIteration
        return change

    def _change(self) -> Change | None:
        if not self._began:
            self._began = True
            self._session.subscribe("watch", self._selection, now_ms())
        while not self._stopped.is_set():
            self._drain()
            change = self._feed.next()
            if change is not None:
                return change
            if self._feed.is_over:
                self._stopped.set()
                break
            self._wait()
        self._drop()
        return None

    def _drain(self) -> None:
        while (output := self._session.poll_output()) is not None:
            match output:
                case AskToken():
                    self._ask()
                case Connect(connection, transport, path, token):
                    self._connect(connection, transport, path, token)
                case Send(connection, message):
                    if connection == self._number and self._line is not None:
                        self._line.send(message)
                case Disconnect(connection):
                    if connection == self._number:
                        self._drop()
                case _:
                    self._feed.take(output)

    def _ask(self) -> None:
        try:
            token = token_of(self._token.current())
        except Exception as error:
            reason = f"no token could be had ({type(error).__name__})"
            self._session.handle_token_failure(reason, now_ms(), random.random())
        else:
            self._session.handle_token(token, now_ms())

    def _connect(self, connection: int, transport: TransportName, path: str, token: str | None) -> None:
        self._drop()
        self._number = connection
        self._line = line = _line(transport, self._address, path, token)
        try:
            line.open(self._left())
        except LineClosed as closed:
            self._over(closed.close)
        else:
            if not line.polls:
                self._session.handle_open(connection, now_ms())

    def _wait(self) -> None:
        """Waits for what comes first: a message, or the session's deadline."""
        line = self._line
        if line is None:
            self._stopped.wait(self._left())
            self._session.handle_timeout(now_ms(), random.random())
            return
        try:
            messages = line.receive(self._left())
        except LineClosed as closed:
            self._over(closed.close)
            return
        if messages is None:
            self._session.handle_timeout(now_ms(), random.random())
            return
        if line.polls:
            self._session.handle_open(self._number, now_ms())
        if not messages:
            self._session.handle_activity(self._number, now_ms())
        for message in messages:
            self._session.handle_frame(self._number, message, now_ms(), random.random())

    def _over(self, close: Close) -> None:
        self._drop()
        self._session.handle_close(self._number, close, now_ms(), random.random())

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _left(self) -> float:
        """Seconds until the session's deadline."""
        deadline = self._session.next_deadline()
        return 60.0 if deadline is None else max((deadline - now_ms()) / 1000, 0.001)


def _line(transport: TransportName, address: Address, path: str, token: str | None) -> Line:
    match transport:
        case "websocket":
            from .sockets import SocketLine

            return SocketLine(address, path, token)
        case "events":
            return EventsLine(address, path, token)
        case "poll":
            return PollLine(address, path, token)


def available(transports: Sequence[TransportName]) -> tuple[TransportName, ...]:
    """The transports, checked.

    :raises ValueError: for none, for one that there is not, and for a WebSocket without its package.
    """
    strange = [name for name in transports if name not in ("websocket", "events", "poll")]
    if strange or not transports:
        raise ValueError("transports are websocket, events and poll, best first, at least one")
    if "websocket" in transports and find_spec("websockets") is None:
        raise ValueError("watching over WebSockets needs a package: pip install 'headway[websocket]'")
    return tuple(transports)


_OFFSET = time.time() - time.monotonic()


def now_ms() -> float:
    """Milliseconds of a clock that does not jump, counted from about the Unix epoch."""
    return (time.monotonic() + _OFFSET) * 1000
