"""Requests from a thread that may wait, each within one deadline.

A deadline holds for a whole exchange, not for each piece of it: a server that sends a byte now and then
does not keep a thread.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ..errors import HeadwayError
from .address import Address
from .exchange import Answer, Request

__all__ = ["Connection", "Streamed"]

ANSWER_BYTES = 64 * 1024 * 1024
"""The largest answer that is read whole: a page of a thousand items with outputs of 64 KiB."""


class _Reader(io.RawIOBase):
    """A socket as a file that is read until a deadline."""

    def __init__(self, timed: _Timed) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - a buffer has no name in older versions
        self._timed.arm()
        return self._timed.raw.recv_into(buffer)


class _Timed:
    """A socket with a deadline; what `http.client` uses of one."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self.raw = raw
        self.deadline = deadline

    def arm(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no whole answer came in time")
        self.raw.settimeout(left)

    def sendall(self, data: bytes) -> None:
        self.arm()
        self.raw.sendall(data)

    def makefile(self, *_arguments: object, **_named: object) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        self.raw.close()


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
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if not kept:
                    raise
                return self._once(request, token, deadline)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unreachable(self._address, error) from error

    def stream(self, request: Request, token: str | None, timeout: float) -> Streamed:
        """An answer whose body has not been read. The connection is then the answer's."""
        self.close()
        try:
            response = self._send(request, token, time.monotonic() + timeout)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise unreachable(self._address, error) from error
        return Streamed(self, response)

    def close(self) -> None:
        """Lets the connection go."""
        connection, self._connection = self._connection, None
        if self._timed is not None:
            self._timed.close()
            self._timed = None
        if connection is not None:
            connection.close()

    def abort(self) -> None:
        """Ends whatever another thread is waiting for."""
        timed = self._timed
        if timed is not None:
            with suppress(OSError):
                timed.raw.shutdown(socket.SHUT_RDWR)

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
        body = response.read(ANSWER_BYTES + 1)
        if len(body) > ANSWER_BYTES:
            raise http.client.HTTPException(f"an answer of more than {ANSWER_BYTES} bytes")
        answer = Answer(response.status, _headers(response), body)
        if response.will_close:
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
        connection.request(request.method, self._address.prefix + request.path, request.body, headers)
        return connection.getresponse()

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
            return self._response.read1(64 * 1024)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise unreachable(self._connection.address, error) from error

    def whole(self, timeout: float) -> Answer:
        """The answer with the rest of its body."""
        body = b""
        self._connection.extend(timeout)
        try:
            body = self._response.read(ANSWER_BYTES)
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
    return HeadwayError(f"{address.url} cannot be reached: {reason}", code="unreachable", retryable=True)


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}
