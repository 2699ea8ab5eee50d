"""A watch for asyncio: ``async for change in watch``."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Protocol

from ..errors import HeadwayError
from ..http.address import Address
from ..http.aio import AsyncConnection, AsyncStreamed
from ..http.event_reader import EventReader
from ..http.exchange import Request, Token
from .connection import Close, TransportName
from .face import TRANSPORTS, Face, now_ms
from .feed import Change
from .lines import POLL_PAUSE, LineClosed, parsed, poll_path, polled, refusal
from .output import AskToken, Connect, Disconnect, Send
from .selection import Selection

__all__ = ["AsyncWatch"]


class _Line(Protocol):
    """A connection. What it raises is `LineClosed` or `HeadwayError`."""

    polls: bool

    async def open(self, timeout: float) -> None:
        """Connects."""

    async def receive(self, timeout: float) -> list[object] | None:
        """The next messages as parsed JSON: none are a sign of life, ``None`` is silence."""

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""

    def close(self) -> None:
        """Lets it go."""


class _EventsLine:
    """Server-Sent Events."""

    polls = False

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._connection = AsyncConnection(address)
        self._request = Request("GET", path, None, {"Accept": "text/event-stream"})
        self._token = token
        self._reader = EventReader()
        self._answer: AsyncStreamed | None = None

    async def open(self, timeout: float) -> None:
        answer = await self._connection.stream(self._request, self._token, timeout)
        kind = answer.headers.get("content-type", "")
        if answer.status != 200 or not kind.startswith("text/event-stream"):
            raise LineClosed(refusal(await answer.whole(timeout)))
        self._answer = answer

    async def receive(self, timeout: float) -> list[object]:
        piece = b"" if self._answer is None else await self._answer.piece(timeout)
        if not piece:
            raise LineClosed(Close("the stream broke off"))
        events = self._reader.push(piece)
        if events is None:
            raise LineClosed(Close("an event is too large"))
        return [parsed(event) for event in events]

    async def send(self, message: dict[str, Any]) -> None:
        """Nothing can be said here, and nothing needs to be."""

    def close(self) -> None:
        self._connection.close()


class _PollLine:
    """Long polls."""

    polls = True

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._connection = AsyncConnection(address)
        self._path = path
        self._token = token
        self._cursor: str | None = None
        self._earliest = 0.0

    async def open(self, timeout: float) -> None:
        """Nothing is open before the first answer."""

    async def receive(self, timeout: float) -> list[object]:
        await asyncio.sleep(max(0.0, self._earliest - time.monotonic()))
        request = Request("GET", poll_path(self._path, self._cursor), None, {"Accept": "application/json"})
        answer = await self._connection.exchange(request, self._token, timeout)
        self._earliest = time.monotonic() + POLL_PAUSE
        frames, self._cursor = polled(answer)
        return frames

    async def send(self, message: dict[str, Any]) -> None:
        """Nothing can be said here, and nothing needs to be."""

    def close(self) -> None:
        self._connection.close()


def _line(connecting: Connect, address: Address) -> _Line:
    match connecting.transport:
        case "websocket":
            from .sockets import AsyncSocketLine

            return AsyncSocketLine(address, connecting.path, connecting.token)
        case "events":
            return _EventsLine(address, connecting.path, connecting.token)
        case "poll":
            return _PollLine(address, connecting.path, connecting.token)


class AsyncWatch(Face, AsyncIterator[Change]):
    """The changes of what is watched, one after the other. For one task at a time.

    It connects with the first one that is asked for, and again whenever the connection is lost, from where
    it was. That of one job ends with the job. A task that is cancelled while it waits leaves a watch that can
    be asked again: nothing is lost but the connection.
    """

    def __init__(
        self,
        address: Address,
        token: Token,
        selection: Selection,
        transports: Sequence[TransportName] = TRANSPORTS,
    ) -> None:
        super().__init__(address, token, selection, transports)
        self._line: _Line | None = None
        self._connecting: Connect | None = None
        # What the session wants said on the connection: a few messages for each that is made.
        self._messages: deque[dict[str, Any]] = deque()
        self._closed = False

    async def aclose(self) -> None:
        """Ends the watch."""
        self._closed = True
        self._drop()

    async def __aenter__(self) -> AsyncWatch:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def __anext__(self) -> Change:
        self._begin()
        while not self._closed:
            self._drain()
            change = self._feed.next()
            if change is not None:
                return change
            if self._feed.is_over:
                await self.aclose()
                break
            try:
                await self._wait()
            except LineClosed as closed:
                self._over(closed.close)
            except HeadwayError as error:
                if error.retryable:
                    self._over(Close(error.detail))
                else:
                    self._fail(error)
            except BaseException:
                self._over(Close("whoever waited was cancelled"))
                raise
        raise StopAsyncIteration

    def _drain(self) -> None:
        while (output := self._session.poll_output()) is not None:
            match output:
                case AskToken():
                    self._ask()
                case Connect():
                    self._drop()
                    self._number, self._connecting = output.connection, output
                case Send(connection, message):
                    if connection == self._number:
                        self._messages.append(message)
                case Disconnect(connection):
                    if connection == self._number:
                        self._drop()
                case _:
                    self._feed.take(output)

    async def _wait(self) -> None:
        """Waits for what comes first: a message, or the session's deadline."""
        connecting, self._connecting = self._connecting, None
        if connecting is not None:
            self._line = _line(connecting, self._address)
            await self._line.open(self._left())
            if not self._line.polls:
                self._session.handle_open(self._number, now_ms())
            return
        line = self._line
        if line is None:
            await asyncio.sleep(self._left())
            self._take(None, polled=False)
            return
        while self._messages:
            await line.send(self._messages.popleft())
        self._take(await line.receive(self._left()), polled=line.polls)

    def _drop(self) -> None:
        line, self._line = self._line, None
        self._connecting = None
        self._messages.clear()
        if line is not None:
            line.close()
