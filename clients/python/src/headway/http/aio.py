"""Requests in asyncio, each within one deadline.

HTTP/1.1 as far as one server needs it: no redirects, no compression, one request at a time on a connection.
What is no HTTP, or more of it than has a place, is an answer that did not come.

The answer is read while the request is sent: it may come before the end of that, and the connection be closed
with it, since who refuses need not read on.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from ..errors import HeadwayError
from .address import Address, token_of
from .blocking import ANSWER_BYTES, Connection, unreachable
from .exchange import Answer, Request, Token, Unreadable, problem, readable

__all__ = ["AsyncAsker", "AsyncConnection", "AsyncStreamed"]

_LINE_BYTES = 64 * 1024
"""The longest line of a head, as in `http.client`."""
_HEADERS = 100
"""The most headers of an answer, as in `http.client`."""
_PIECE_BYTES = 64 * 1024

_Value = TypeVar("_Value")


class _Reader(asyncio.StreamReader):
    """What came before a connection broke off is read like any other."""

    broken: Exception | None = None

    def set_transport(self, transport: asyncio.BaseTransport) -> None:
        self._carrier = transport
        super().set_transport(transport)

    def set_exception(self, exc: Exception) -> None:
        self.broken = exc
        self._take_rest()
        self.feed_eof()

    def _take_rest(self) -> None:
        """Takes what had come and was not read yet when a write failed: an answer may be in it."""
        raw = self._carrier.get_extra_info("socket")
        if raw is None or self._carrier.get_extra_info("ssl_object") is not None:
            return
        with suppress(OSError), raw.dup() as rest:
            rest.setblocking(False)
            while piece := rest.recv(_PIECE_BYTES):
                self.feed_data(piece)

    def end(self, words: str) -> Exception:
        """The error of an answer that should have gone on."""
        return self.broken or EOFError(words)


class AsyncConnection:
    """One connection to a server, made when needed and kept between requests. For one task at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[_Reader, asyncio.StreamWriter] | None = None
        self._deadline = 0.0
        # Whether a request was left in the middle: nothing can follow it.
        self._cut = False

    async def exchange(self, request: Request, token: str | None, timeout: float) -> Answer:
        """The answer to a request.

        A kept connection that the server has closed meanwhile is replaced once: whoever keeps connections
        sends only what can be repeated.

        :raises HeadwayError: with the code ``unreachable`` when no whole answer came in time.
        """
        return await self._within(timeout, self._exchange(request, _head(request, self._address, token)))

    async def stream(self, request: Request, token: str | None, timeout: float) -> AsyncStreamed:
        """An answer whose body has not been read. The connection is then the answer's.

        A body in pieces has so many seconds for each of them.

        :raises HeadwayError: as `exchange`.
        """
        self.close()
        if self._address.tls is None or request.body is None or isinstance(request.body, bytes):
            said = _head(request, self._address, token)
            return await self._within(timeout, self._ask(request, said, timeout))
        return await self._upload(request, request.body, token, timeout)

    def close(self) -> None:
        """Lets the connection go, with what was not sent."""
        streams, self._streams = self._streams, None
        if streams is not None:
            if self._cut:
                # Closing would wait until the other side has taken everything, which it may never do.
                streams[1].transport.abort()
            streams[1].close()

    async def _upload(
        self, request: Request, body: Iterable[bytes], token: str | None, timeout: float
    ) -> AsyncStreamed:
        """Has a thread send: a loop loses, with TLS, what came before a write that fails."""
        left = threading.Event()
        connection = Connection(self._address)

        def pieces() -> Iterator[bytes]:
            for piece in body:
                if left.is_set():
                    raise OSError("nobody waits for the answer any more")
                yield piece

        def ask() -> Answer:
            return connection.stream(replace(request, body=pieces()), token, timeout).whole(timeout)

        try:
            answer = await asyncio.to_thread(ask)
        finally:
            left.set()
            # The thread may be in the middle of a piece that nobody takes.
            connection.abort()
        reader = _Reader(limit=_LINE_BYTES)
        reader.feed_data(answer.body)
        reader.feed_eof()
        return AsyncStreamed(self, reader, answer.status, {**answer.headers, **_measured(answer.body)})

    async def _exchange(self, request: Request, said: bytes) -> Answer:
        kept = self._streams is not None
        try:
            answer = await self._ask(request, said)
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
            answer = await self._ask(request, said)
        cut = self._cut
        whole = await answer.read()
        if cut:
            self.close()
        return whole

    async def _ask(self, request: Request, said: bytes, pace: float | None = None) -> AsyncStreamed:
        if self._streams is None:
            self._streams = await _connect(self._address)
            self._cut = False
        reader, writer = self._streams
        self._cut = True
        sending = asyncio.ensure_future(self._send(writer, said, request, pace))
        head = asyncio.ensure_future(_read_head(reader))
        try:
            await asyncio.wait({sending, head}, return_when=asyncio.FIRST_COMPLETED)
            if not head.done():
                await self._sent(sending, head)
            self._cut = not sending.done() or sending.exception() is not None
            status, headers = await head
        finally:
            await _given_up(sending, head)
        return AsyncStreamed(self, reader, status, headers)

    async def _sent(self, sending: asyncio.Future[None], head: asyncio.Future[Any]) -> None:
        """Looks whether everything was sent, or what there is to read all the same.

        :raises OSError: when neither is so.
        """
        try:
            await sending
        except ConnectionError:
            await asyncio.wait({head})
            if head.exception() is not None:
                raise

    async def _send(
        self, writer: asyncio.StreamWriter, head: bytes, request: Request, pace: float | None
    ) -> None:
        writer.write(head)
        body = request.body
        if isinstance(body, bytes):
            writer.write(body)
        elif body is not None:
            pieces = readable(body)
            # A file is read by a thread, so that the loop does not wait for its disk.
            try:
                while piece := await asyncio.to_thread(next, pieces, b""):
                    self._extend(pace)
                    writer.write(piece)
                    await writer.drain()
            finally:
                # The thread that still reads ends it where it is.
                with suppress(ValueError):
                    pieces.close()
            self._extend(pace)
        await writer.drain()

    def _extend(self, pace: float | None) -> None:
        if pace is not None:
            self._deadline = time.monotonic() + pace

    async def _within(self, timeout: float, what: Coroutine[Any, Any, _Value]) -> _Value:
        self._deadline = time.monotonic() + timeout
        doing = asyncio.ensure_future(what)
        try:
            while not doing.done():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("no whole answer came in time")
                await asyncio.wait({doing}, timeout=left)
            return await doing
        except Unreadable as error:
            self.close()
            raise error.why from None
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise unreachable(self._address, error) from error
        except BaseException:
            # A request that was left in the middle leaves a connection that nobody can use.
            self.close()
            raise
        finally:
            await _given_up(doing)


class AsyncStreamed:
    """An answer that is read piece by piece."""

    def __init__(
        self,
        connection: AsyncConnection,
        reader: _Reader,
        status: int,
        headers: dict[str, str],
    ) -> None:
        self._connection = connection
        self._reader = reader
        self.status = status
        self.headers = headers
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        length = headers.get("content-length")
        self._left: int | None = None
        if self._chunked or status in (204, 304):
            self._left = 0
        elif length is not None:
            self._left = int(length)
        self._done = self._left == 0 and not self._chunked

    async def piece(self, timeout: float) -> bytes:
        """What comes next, within so many seconds; nothing at the end.

        :raises HeadwayError: with the code ``unreachable`` when it breaks off.
        """
        return await self._connection._within(timeout, self._piece())

    async def pieces(self, timeout: float) -> AsyncIterator[bytes]:
        """What comes, each piece within so many seconds of the one before."""
        while piece := await self.piece(timeout):
            yield piece

    async def whole(self, timeout: float) -> Answer:
        """The answer with the rest of its body."""
        try:
            return await self._connection._within(timeout, self.read())
        finally:
            self.close()

    async def read(self) -> Answer:
        """The answer with the rest of its body, without a deadline of its own."""
        body = bytearray()
        while piece := await self._piece():
            body += piece
            if len(body) > ANSWER_BYTES:
                raise ValueError(f"an answer of more than {ANSWER_BYTES} bytes")
        if self.headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(self.status, self.headers, bytes(body))

    def close(self) -> None:
        """Lets it go, read or not."""
        self._connection.close()

    async def _piece(self) -> bytes:
        if self._done:
            return b""
        if self._chunked and self._left == 0:
            self._left = int((await self._line()).partition(b";")[0], 16)
            if self._left == 0:
                while await self._line():
                    pass
                self._done = True
                return b""
        piece = await self._reader.read(min(_PIECE_BYTES, _PIECE_BYTES if self._left is None else self._left))
        if self._left is None and self._reader.broken is None:
            self._done = not piece
            if self._done:
                self._connection.close()
            return piece
        if not piece:
            raise self._reader.end("the answer broke off")
        if self._left is None:
            return piece
        self._left -= len(piece)
        if self._left == 0:
            if self._chunked:
                await self._line()
            else:
                self._done = True
        return piece

    async def _line(self) -> bytes:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise self._reader.end("the answer broke off")
        return line.strip()


class AsyncAsker:
    """Sends an application's questions, each on a connection of its own."""

    def __init__(self, address: Address, token: Token, timeout: float) -> None:
        self.address = address
        self.token = token
        self.timeout = timeout

    async def whole(self, request: Request) -> Answer:
        """The answer to a request that was not refused.

        :raises HeadwayError: for one that was, or that got no answer.
        """
        answer = await self.streamed(request)
        return await answer.whole(self.timeout)

    async def streamed(self, request: Request) -> AsyncStreamed:
        """The answer whose body has not been read. A token that is not taken is replaced once.

        :raises HeadwayError: as `whole`.
        """
        shown = token_of(self.token.current())
        answer = await self._once(request, shown)
        if answer.status == 401 and self.token.can_change:
            other = token_of(self.token.current())
            if other is not None and other != shown:
                answer.close()
                answer = await self._once(request, other)
        if not 200 <= answer.status < 300:
            raise await self._refusal(answer)
        return answer

    async def _once(self, request: Request, token: str | None) -> AsyncStreamed:
        return await AsyncConnection(self.address).stream(request, token, self.timeout)

    async def _refusal(self, answer: AsyncStreamed) -> HeadwayError:
        return problem(await answer.whole(self.timeout))


def _head(request: Request, address: Address, token: str | None) -> bytes:
    headers = {"Host": address.authority, "User-Agent": "headway-python", **request.headers}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if isinstance(request.body, bytes):
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {address.prefix}{request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header must not have the end of a line in it")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _connect(address: Address) -> tuple[_Reader, asyncio.StreamWriter]:
    """As `asyncio.open_connection`, with another reader."""
    loop = asyncio.get_running_loop()
    reader = _Reader(limit=_LINE_BYTES, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    name = address.host if address.tls is not None else None
    transport, _ = await loop.create_connection(
        lambda: protocol, address.host, address.port, ssl=address.tls, server_hostname=name
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def _measured(body: bytes) -> dict[str, str]:
    """The headers that say how long a body is that is here as a whole."""
    return {"content-length": str(len(body)), "transfer-encoding": ""}


async def _given_up(*tasks: asyncio.Future[Any]) -> None:
    """Ends what is not wanted any more, and takes what it has to say."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)
    for task in tasks:
        if not task.cancelled():
            task.exception()


async def _read_head(reader: _Reader) -> tuple[int, dict[str, str]]:
    while True:
        line = await reader.readline()
        if not line:
            raise reader.end("the connection was closed without an answer")
        first = line.split(None, 2)
        if len(first) < 2 or not first[0].startswith(b"HTTP/1.") or not first[1].isdigit():
            raise ValueError("what answers there does not speak HTTP")
        headers: dict[str, str] = {}
        while True:
            line = await reader.readline()
            if not line.endswith(b"\n"):
                raise reader.end("the answer broke off")
            line = line.strip()
            if not line:
                break
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > _HEADERS:
                raise ValueError(f"an answer with more than {_HEADERS} headers")
        status = int(first[1])
        # An interim answer is followed by the one that counts.
        if status >= 200:
            return status, headers
