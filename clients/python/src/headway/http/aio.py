"""Requests in asyncio, each within one deadline.

HTTP/1.1 as far as one server needs it: no redirects, no compression, one request at a time on a connection.
What is no HTTP, or more of it than has a place, is an answer that did not come.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from ..errors import HeadwayError
from .address import Address, token_of
from .blocking import ANSWER_BYTES, unreachable
from .exchange import Answer, Request, Token, problem

__all__ = ["AsyncAsker", "AsyncConnection", "AsyncStreamed"]

_LINE_BYTES = 64 * 1024
"""The longest line of a head, as in `http.client`."""
_HEADERS = 100
"""The most headers of an answer, as in `http.client`."""
_PIECE_BYTES = 64 * 1024

_Value = TypeVar("_Value")


class AsyncConnection:
    """One connection to a server, made when needed and kept between requests. For one task at a time."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, request: Request, token: str | None, timeout: float) -> Answer:
        """The answer to a request.

        A kept connection that the server has closed meanwhile is replaced once: whoever keeps connections
        sends only what can be repeated.

        :raises HeadwayError: with the code ``unreachable`` when no whole answer came in time.
        """
        return await self._within(timeout, self._exchange(request, token))

    async def stream(self, request: Request, token: str | None, timeout: float) -> AsyncStreamed:
        """An answer whose body has not been read. The connection is then the answer's.

        :raises HeadwayError: as `exchange`.
        """
        self.close()
        return await self._within(timeout, self._ask(request, token))

    def close(self) -> None:
        """Lets the connection go."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def _exchange(self, request: Request, token: str | None) -> Answer:
        kept = self._streams is not None
        try:
            answer = await self._ask(request, token)
        except (OSError, EOFError):
            self.close()
            if not kept:
                raise
            answer = await self._ask(request, token)
        return await answer.read()

    async def _ask(self, request: Request, token: str | None) -> AsyncStreamed:
        address = self._address
        if self._streams is None:
            name = address.host if address.tls is not None else None
            self._streams = await asyncio.open_connection(
                address.host, address.port, ssl=address.tls, server_hostname=name, limit=_LINE_BYTES
            )
        reader, writer = self._streams
        writer.write(_head(request, address, token))
        await _send_body(writer, request)
        await writer.drain()
        status, headers = await _read_head(reader)
        return AsyncStreamed(self, reader, status, headers)

    async def _within(self, timeout: float, what: Awaitable[_Value]) -> _Value:
        try:
            return await asyncio.wait_for(what, timeout)
        except asyncio.TimeoutError as error:
            self.close()
            raise unreachable(self._address, TimeoutError("no whole answer came in time")) from error
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise unreachable(self._address, error) from error
        except BaseException:
            # A request that was left in the middle leaves a connection that nobody can use.
            self.close()
            raise


class AsyncStreamed:
    """An answer that is read piece by piece."""

    def __init__(
        self,
        connection: AsyncConnection,
        reader: asyncio.StreamReader,
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
        if self._left is None:
            self._done = not piece
            if self._done:
                self._connection.close()
            return piece
        if not piece:
            raise EOFError("the answer broke off")
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
            raise EOFError("the answer broke off")
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


async def _send_body(writer: asyncio.StreamWriter, request: Request) -> None:
    body = request.body
    if isinstance(body, bytes):
        writer.write(body)
    elif body is not None:
        pieces = iter(body)
        # A file is read by a thread, so that the loop does not wait for its disk.
        while piece := await asyncio.to_thread(next, pieces, b""):
            writer.write(piece)
            await writer.drain()


async def _read_head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    while True:
        line = await reader.readline()
        if not line:
            raise EOFError("the connection was closed without an answer")
        first = line.split(None, 2)
        if len(first) < 2 or not first[0].startswith(b"HTTP/1.") or not first[1].isdigit():
            raise ValueError("what answers there does not speak HTTP")
        headers: dict[str, str] = {}
        while line := (await reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(headers) > _HEADERS:
                raise ValueError(f"an answer with more than {_HEADERS} headers")
        if reader.at_eof() and not headers:
            raise EOFError("the answer broke off")
        status = int(first[1])
        # An interim answer is followed by the one that counts.
        if status >= 200:
            return status, headers
