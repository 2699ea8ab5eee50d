"""A watch for a thread: ``for change in watch``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from types import TracebackType

from ..errors import HeadwayError
from ..http.address import Address
from ..http.exchange import Token
from .connection import TransportName
from .face import TRANSPORTS, Face, now_ms
from .feed import Change
from .lines import EventsLine, Line, LineClosed, PollLine
from .output import AskToken, Connect, Disconnect, Send
from .selection import Selection

__all__ = ["Watch"]


class Watch(Face, Iterator[Change]):
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
        super().__init__(address, token, selection, transports)
        self._line: Line | None = None
        self._stopped = threading.Event()
        # Held by whoever reads, so that nobody else closes what it reads from.
        self._reading = threading.Lock()

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
        self._begin()
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
                case Connect():
                    self._connect(output)
                case Send(connection, message):
                    if connection == self._number and self._line is not None:
                        self._line.send(message)
                case Disconnect(connection):
                    if connection == self._number:
                        self._drop()
                case _:
                    self._feed.take(output)

    def _connect(self, connecting: Connect) -> None:
        self._drop()
        self._number = connecting.connection
        self._line = line = _line(connecting, self._address)
        try:
            line.open(self._left())
        except LineClosed as closed:
            self._over(closed.close)
        except HeadwayError as error:
            self._fail(error)
        else:
            if not line.polls:
                self._session.handle_open(self._number, now_ms())

    def _wait(self) -> None:
        """Waits for what comes first: a message, or the session's deadline."""
        line = self._line
        if line is None:
            self._stopped.wait(self._left())
            self._take(None, polled=False)
            return
        try:
            messages = line.receive(self._left())
        except LineClosed as closed:
            self._over(closed.close)
        except HeadwayError as error:
            self._fail(error)
        else:
            self._take(messages, polled=line.polls)

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()


def _line(connecting: Connect, address: Address) -> Line:
    match connecting.transport:
        case "websocket":
            from .sockets import SocketLine

            return SocketLine(address, connecting.path, connecting.token)
        case "events":
            return EventsLine(address, connecting.path, connecting.token)
        case "poll":
            return PollLine(address, connecting.path, connecting.token)
