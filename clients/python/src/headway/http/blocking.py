"""Requests from a thread that may wait, each within one deadline.

A deadline holds for a whole exchange, not for each piece of it: a server that sends a byte now and then
does not keep a thread. A body that is sent in pieces has it anew with each of them.

An answer may come before the whole request was sent, and the connection be closed with it: who refuses need
not read on. It is looked for between any two writes, and after one that failed.
"""

from __future__ import annotations

import http.client
import io
import selectors
import socket
import ssl
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from ..errors import HeadwayError
from .address import Address
from .exchange import Answer, Request, Unreadable, readable

__all__ = ["Connection", "Streamed"]

ANSWER_BYTES = 64 * 1024 * 1024
"""The largest answer that is read whole: a page of a thousand items with outputs of 64 KiB."""
_PIECE_BYTES = 64 * 1024
_INTERIM = b"HTTP/1.1 1"
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_BROKEN = (ConnectionError, ssl.SSLError)
"""What a connection that was closed meanwhile raises, with TLS too."""


class _Answered(Exception):
    """What is to be read came before everything was sent: an answer, or the connection's end."""


class _Reader(io.RawIOBase):
    """A socket as a file that is read until a deadline."""

    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no name in older versions
        return self._timed.receive_into(buffer)


class _Timed:
    """A socket with a deadline; what `http.client` uses of one."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.raw = raw
        self.deadline = deadline
        #: Whether a request was left in the middle: nothing can follow it.
        self.cut = False
        #: Whether the other side's end was read.
        self.ended = False
        # What came while a request was being sent.
        self._early = b""

    def sendall(self, data: bytes) -> None:
        """Sends everything.

        :raises _Answered: when there is an answer before, or sending fails and there may be one.
        """
        rest = memoryview(data)
        while rest:
            self.raw.settimeout(0)
            try:
                answered = self._is_answered()
                sent = 0 if answered else self.raw.send(rest)
            except _NOT_NOW:
                self._wait()
                continue
            except _BROKEN as error:
                self.cut = True
                raise _Answered from error
            if answered:
                self.cut = True
                raise _Answered
            rest = rest[sent:]

    def receive_into(self, buffer: Any) -> int:  # noqa: ANN401 - as above
        """Reads what there is into a buffer, the earliest first; how many bytes."""
        if self._early:
            piece, self._early = self._early[: len(buffer)], self._early[len(buffer) :]
            buffer[: len(piece)] = piece
            return len(piece)
        self.raw.settimeout(self._left())
        length = self.raw.recv_into(buffer)
        self.ended = length == 0
        return length

    def makefile(self, *_arguments: object, **_named: object) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Does nothing: `http.client` closes its socket before it reads what a closing server still sends."""

    def _is_answered(self) -> bool:
        """Whether there is something to read, other than interim answers, without waiting for it."""
        try:
            piece = self.raw.recv(_PIECE_BYTES)
        except _NOT_NOW:
            return False
        self._early += piece
        while self._early.startswith(_INTERIM) and (end := self._early.find(b"\r\n\r\n")) >= 0:
            self._early = self._early[end + 4 :]
        interim = self._early.startswith(_INTERIM) and len(self._early) <= _PIECE_BYTES
        return not piece or (len(self._early) > 0 and not interim)

    def _wait(self) -> None:
        """Waits until something can be written or read."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.raw, selectors.EVENT_READ | selectors.EVENT_WRITE)
            selector.select(self._left())

    def _left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer came in time")
        return left


class Connection:
    """One connection to a server, made when it is needed and kept between requests.

    Used by one thread at a time; `abort` may be called from another.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: http.client.HTTPConnection | None = None
        self._timed: _Timed | None = None

    def exchange(self, request: Request, token: str | None, timeout: float) -> Answer:
        """The answer to a request.

        A kept connection that the server has closed meanwhile is replaced once: whoever keeps
        connections sends only what can be repeated.

        :raises HeadwayError: with the code ``unreachable`` when no whole answer came in time.
        """
        deadline = time.monotonic() + timeout
        kept = self._connection is not None
        try:
            try:
                return self._once(request, token, deadline)
            except (http.client.HTTPException, *_BROKEN):
                self.close()
                if not kept:
                    raise
                return self._once(request, token, deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unreachable(self._address, error) from error
        except BaseException:
            # A request that was left in the middle leaves a connection that nobody can use.
            self.close()
            raise

    def stream(self, request: Request, token: str | None, timeout: float) -> Streamed:
        """An answer whose body has not been read. The connection is then the answer's.

        A body in pieces has so many seconds for each of them.
        """
        self.close()
        deadline = time.monotonic() + timeout
        try:
            if request.body is None or isinstance(request.body, bytes):
                response = self._send(request, token, deadline)
            else:
                with closing(self._paced(request.body, timeout)) as pieces:
                    response = self._send(replace(request, body=pieces), token, deadline)
        except Unreadable as error:
            self.close()
            raise error.why from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unreachable(self._address, error) from error
        except BaseException:
            self.close()
            raise
        return Streamed(self, response)

    def close(self) -> None:
        """Lets the connection go."""
        connection, self._connection = self._connection, None
        if self._timed is not None:
            self._timed.raw.close()
            self._timed = None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """Ends whatever another thread is waiting for."""
        timed = self._timed
        if timed is not None:
            with suppress(OSError):
                # Not that of TLS, which ends it first: the other thread would go on in the clear.
                socket.socket.shutdown(timed.raw, socket.SHUT_RDWR)

    def extend(self, timeout: float) -> None:
        """Gives what is being read so much more time from now."""
        if self._timed is not None:
            self._timed.deadline = time.monotonic() + timeout

    @property
    def address(self) -> Address:
        """Where it leads."""
        return self._address

    def _once(self, request: Request, token: str | None, deadline: float) -> Answer:
        response = self._send(request, token, deadline)
        body = _rest(response)
        answer = Answer(response.status, _headers(response), body)
        if response.will_close or self._timed is None or self._timed.cut:
            self.close()
        return answer

    def _send(self, request: Request, token: str | None, deadline: float) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connect(deadline)
        connection, timed = self._connection, self._timed
        if connection is None or timed is None:
            raise ConnectionError("the connection was closed meanwhile")
        timed.deadline = deadline
        headers = {"User-Agent": "headway-python", **request.headers}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request(request.method, self._address.prefix + request.path, request.body, headers)
        except _Answered as early:
            try:
                return _answer(connection, timed)
            except (OSError, http.client.HTTPException):
                if early.__cause__ is None:
                    raise
                raise early.__cause__ from None
        return _answer(connection, timed)

    def _paced(self, body: Iterable[bytes], timeout: float) -> Generator[bytes, None, None]:
        with closing(readable(body)) as pieces:
            for piece in pieces:
                self.extend(timeout)
                yield piece
        self.extend(timeout)

    def _connect(self, deadline: float) -> None:
        address = self._address
        timeout = max(deadline - time.monotonic(), 0.001)
        raw = socket.create_connection((address.host, address.port), timeout)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls is not None:
                raw = address.tls.wrap_socket(raw, server_hostname=address.host)
        except BaseException:
            raw.close()
            raise
        connection = http.client.HTTPConnection(address.host, address.port)
        connection.auto_open = 0
        self._timed = _Timed(raw, deadline)
        # The connection only uses what a timed socket has.
        connection.sock = self._timed
        self._connection = connection


class Streamed:
    """An answer that is read piece by piece."""

    def __init__(self, connection: Connection, response: http.client.HTTPResponse) -> None:
        self._connection = connection
        self._response = response
        self.status = response.status
        self.headers = _headers(response)

    def pieces(self, timeout: float) -> Iterator[bytes]:
        """What comes, each piece within so many seconds of the one before.

        :raises HeadwayError: with the code ``unreachable`` when it breaks off.
        """
        while piece := self.piece(timeout):
            yield piece

    def piece(self, timeout: float) -> bytes:
        """What comes next, within so many seconds; nothing at the end.

        :raises HeadwayError: as `pieces`.
        """
        self._connection.extend(timeout)
        try:
            piece = self._response.read1(_PIECE_BYTES)
            if not piece:
                _came_whole(self._response)
            return piece
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise unreachable(self._connection.address, error) from error

    def whole(self, timeout: float) -> Answer:
        """The answer with the rest of its body."""
        body = b""
        self._connection.extend(timeout)
        try:
            body = _rest(self._response)
        except (OSError, http.client.HTTPException) as error:
            raise unreachable(self._connection.address, error) from error
        finally:
            self.close()
        return Answer(self.status, self.headers, body)

    def close(self) -> None:
        """Lets it go, read or not."""
        self._connection.close()


def unreachable(address: Address, error: BaseException) -> HeadwayError:
    """The error of a request that got no answer."""
    reason = str(error) or type(error).__name__
    if isinstance(error, TimeoutError) and error.errno is None:
        reason = "no whole answer came in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = (
            f"{address.url} is not trusted: {reason}. Give `tls` the authority that signed its certificate"
        )
        return HeadwayError(detail, code="unreachable")
    return HeadwayError(f"{address.url} cannot be reached: {reason}", code="unreachable", retryable=True)


def _answer(connection: http.client.HTTPConnection, timed: _Timed) -> http.client.HTTPResponse:
    """The answer with its whole head; `http.client` takes one that is cut after a line for a whole one."""
    response = connection.getresponse()
    if timed.ended:
        raise http.client.HTTPException("the answer broke off")
    return response


def _rest(response: http.client.HTTPResponse) -> bytes:
    """What is still to be read of an answer."""
    body = response.read(ANSWER_BYTES + 1)
    if len(body) > ANSWER_BYTES:
        raise http.client.HTTPException(f"an answer of more than {ANSWER_BYTES} bytes")
    _came_whole(response)
    return body


def _came_whole(response: http.client.HTTPResponse) -> None:
    """Holds what was read to the end against the length that was announced, which `http.client` does not."""
    if response.length:
        raise http.client.HTTPException("the answer broke off")


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
