"""The stream over WebSockets, for those who have the package ``websockets`` (the extra ``websocket``)."""

from __future__ import annotations

import asyncio
import json
import ssl
from contextlib import ExitStack
from typing import Any

from websockets.asyncio.client import ClientConnection as AsyncSocket
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection as Socket
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from ..http.address import Address
from ..http.blocking import unreachable
from ..http.exchange import Answer
from .connection import Close
from .lines import Line, LineClosed, parsed, refusal

__all__ = ["AsyncSocketLine", "SocketLine"]

_SUBPROTOCOL = Subprotocol("headway.v1")
_LONGEST = 8 * 1024 * 1024
"""The largest message that is read, in bytes; a snapshot carries a result of at most 1 MiB."""
_CLOSE_SECONDS = 1.0
"""How long a server may take to answer a close."""


class SocketLine(Line):
    """A WebSocket of a thread."""

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._address = address
        self._path = path
        self._token = token
        self._socket: Socket | None = None
        self._until_closed = ExitStack()

    def open(self, timeout: float) -> None:
        try:
            settings = _settings(self._address, self._token)
            made = connect(_url(self._address, self._path), open_timeout=timeout, **settings)
            self._socket = self._until_closed.enter_context(made)
        except ssl.SSLCertVerificationError as error:
            raise unreachable(self._address, error) from error
        except (ConnectionClosed, InvalidHandshake, OSError) as error:
            raise LineClosed(_failure(error)) from error

    def receive(self, timeout: float) -> list[object] | None:
        socket = self._socket
        if socket is None:
            raise LineClosed(Close("it is not open"))
        try:
            return [parsed(_text(socket.recv(timeout)))]
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise LineClosed(_close(error)) from error

    def send(self, message: dict[str, Any]) -> None:
        if self._socket is not None:
            try:
                self._socket.send(json.dumps(message))
            except ConnectionClosed:
                # Whoever receives next is told how it was closed.
                return

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def close(self) -> None:
        self._until_closed.close()


class AsyncSocketLine:
    """A WebSocket of a task."""

    polls = False

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._address = address
        self._path = path
        self._token = token
        self._socket: AsyncSocket | None = None

    async def open(self, timeout: float) -> None:
        """Connects."""
        try:
            settings = _settings(self._address, self._token)
            self._socket = await async_connect(
                _url(self._address, self._path), open_timeout=timeout, **settings
            )
        except ssl.SSLCertVerificationError as error:
            raise unreachable(self._address, error) from error
        except (ConnectionClosed, InvalidHandshake, OSError) as error:
            raise LineClosed(_failure(error)) from error

    async def receive(self, timeout: float) -> list[object] | None:
        """The next message; ``None`` when none comes in time."""
        socket = self._socket
        if socket is None:
            raise LineClosed(Close("it is not open"))
        try:
            return [parsed(_text(await asyncio.wait_for(socket.recv(), timeout)))]
        except asyncio.TimeoutError:
            return None
        except ConnectionClosed as error:
            raise LineClosed(_close(error)) from error

    async def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""
        if self._socket is not None:
            try:
                await self._socket.send(json.dumps(message))
            except ConnectionClosed:
                # Whoever receives next is told how it was closed.
                return

    def close(self) -> None:
        """Lets it go, without waiting for the server to agree."""
        if self._socket is not None:
            self._socket.transport.abort()


def _settings(address: Address, token: str | None) -> dict[str, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return {
        "ssl": address.tls,
        "subprotocols": [_SUBPROTOCOL],
        "additional_headers": headers,
        "user_agent_header": "headway-python",
        "max_size": _LONGEST,
        "close_timeout": _CLOSE_SECONDS,
        "proxy": None,
    }


def _url(address: Address, path: str) -> str:
    scheme = "ws" if address.tls is None else "wss"
    return f"{scheme}://{address.authority}{address.prefix}{path}"


def _text(message: str | bytes) -> str:
    return message if isinstance(message, str) else message.decode(errors="replace")


def _failure(error: Exception) -> Close:
    if isinstance(error, InvalidStatus):
        response = error.response
        headers = {name.lower(): value for name, value in response.headers.raw_items()}
        return refusal(Answer(response.status_code, headers, bytes(response.body or b"")))
    return Close(str(error) or type(error).__name__)


def _close(error: ConnectionClosed) -> Close:
    received = error.rcvd
    if received is None:
        return Close("the connection broke off", code=1006)
    return Close(received.reason or f"the connection was closed ({received.code})", code=received.code)
