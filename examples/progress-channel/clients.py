"""The two clients of the older service as programs, and a connection to say something by.

The clients are run as they stand in `client.js` and `client.py`; only their address is filled in, since
the node of a run is at a free port.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.client import ClientConnection

HERE = Path(__file__).parent
ADDRESS = "localhost:8000"
"""Where both clients look for the service."""

ANSWER_S = 20

CLIENTS = {
    "client.js": ["node", "--experimental-websocket", "--no-warnings", "-"],
    "client.py": [sys.executable, "-u", "-"],
}


class Client:
    """One of the two, watching a job."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """`process` prints a line for each message."""
        self._process = process
        self.said: list[str] = []

    def until(self, status: str, progress: float | None = None) -> str:
        """The next line that says so."""
        wanted = f"Status: {status}, Progress: "
        while line := self._process.stdout.readline() if self._process.stdout else "":
            self.said.append(line.rstrip("\n"))
            if line.startswith(wanted) and (progress is None or percent(line) == progress):
                return self.said[-1]
        raise EOFError(f"The client has ended and said {self.said}")

    def rest(self) -> list[str]:
        """What it says until it ends by itself."""
        if self._process.stdout:
            self.said += [line.rstrip("\n") for line in self._process.stdout]
        return self.said


def percent(line: str) -> float | None:
    """The number of a line, if there is one: the clients write `null` and `None` in their own ways."""
    number = line.rsplit(" ", 1)[-1].rstrip("%\n")
    return None if number in ("null", "None") else float(number)


@contextmanager
def watching(name: str, address: str, job: str) -> Iterator[Client]:
    """Starts a client and ends it, for it does not end by itself."""
    source = (HERE / name).read_text(encoding="utf-8").replace(ADDRESS, address)
    command = [*CLIENTS[name], job]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
    with process:
        if process.stdin:
            process.stdin.write(source)
            process.stdin.close()
        try:
            yield Client(process)
        finally:
            process.kill()


def installed() -> list[str]:
    """The clients that can be run here: that in JavaScript needs Node 20.10 or newer."""
    return [name for name, (program, *_) in CLIENTS.items() if shutil.which(program)]


class Connection:
    """A connection for a job, on which a client says something."""

    def __init__(self, socket: ClientConnection) -> None:
        """`socket` is open."""
        self._socket = socket

    def say(self, message: object) -> None:
        """Sends a message, or text that is none."""
        self._socket.send(message if isinstance(message, str) else json.dumps(message))

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message that is so, which comes in time or never."""
        end, message = time.monotonic() + ANSWER_S, None
        while message is None or not wanted(message):
            try:
                message = json.loads(self._socket.recv(timeout=max(end - time.monotonic(), 0)))
            except TimeoutError:
                detail = f"What was waited for did not come in {ANSWER_S} s; the last was {message}"
                raise TimeoutError(detail) from None
        return message

    def ask(self, message: object, kind: str) -> dict[str, Any]:
        """Sends something and gives the next message of a type."""
        self.say(message)
        return self.until(lambda found: found.get("type") == kind)


@contextmanager
def connected(address: str, job: str) -> Iterator[Connection]:
    """A connection for a job."""
    with connect(f"ws://{address}/progress/ws/{job}") as socket:
        yield Connection(socket)
