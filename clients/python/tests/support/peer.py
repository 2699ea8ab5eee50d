"""Servers of a test's own, which do with each connection what the test says."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

__all__ = ["BlackHole", "Peer", "cut", "head_of"]

_PATIENCE = 60.0


class Peer:
    """Takes connections on a free port, each with a thread, until the block is left."""

    def __init__(self, serve: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        self._serve = serve
        self._host = host
        self.over = threading.Event()
        self.connections = 0
        self._open: list[socket.socket] = []

    def __enter__(self) -> Peer:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server((self._host, 0), family=family)
        self.port = self._socket.getsockname()[1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        self.url = f"http://{host}:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in list(self._open):
            # Whoever reads from it reads its end.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        serving: list[threading.Thread] = []
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                break
            self.connections += 1
            self._open.append(connection)
            serving.append(threading.Thread(target=self._one, args=(connection,), daemon=True))
            serving[-1].start()
        for thread in serving:
            thread.join()

    def _one(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE)
        with connection, suppress(OSError):
            self._serve(connection)


class BlackHole(Peer):
    """Takes connections and requests, and says what it is told to, piece by piece, or nothing."""

    def __init__(self, *pieces: bytes, forever: bytes = b"") -> None:
        super().__init__(self._say)
        self._pieces = pieces
        self._forever = forever
        self.asked = threading.Event()

    def __enter__(self) -> BlackHole:
        super().__enter__()
        return self

    def _say(self, connection: socket.socket) -> None:
        connection.recv(64 * 1024)
        self.asked.set()
        for piece in self._pieces:
            connection.sendall(piece)
        while self._forever and not self.over.wait(0.02):
            connection.sendall(self._forever)
        self.over.wait()


def head_of(connection: socket.socket) -> bytes:
    """The head of a request, with whatever came with it."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(64 * 1024)
        if not piece:
            raise ConnectionError("no whole request came")
        head += piece
    return head


def cut(connection: socket.socket) -> None:
    """Ends a connection as a machine that fails does: with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
