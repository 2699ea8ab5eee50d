"""A client of the older service's session stream, which comes back when it was cut off.

It waits 1, 2, 4, 8 and 16 seconds between its attempts, as that service's page did. What is new is one
thing: it says up to which event it has heard of each transaction, and misses none.
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

if TYPE_CHECKING:
    from collections.abc import Generator

Message = dict[str, Any]

DELAYS_S = (1, 2, 4, 8, 16)


class ClosedError(Exception):
    """The server does not want this client: by which code, and why."""

    def __init__(self, code: int, reason: str) -> None:
        """As they came."""
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Watcher:
    """One connection at a time for a session, on which one can also say something."""

    def __init__(self, address: str, session: str, *, subscribe: Message | None = None) -> None:
        """`subscribe` says what to hear of; everything unless given."""
        self._address = f"ws://{address}/ws/progress/{session}"
        self._subscribe = subscribe
        self._heard: dict[str, str] = {}
        self._socket: Any = None
        self.connections = 0

    def messages(self) -> Generator[Message]:
        """What comes, over as many connections as it takes."""
        attempts = 0
        while True:
            try:
                query = urlencode([("last_event", event) for event in self._heard.values()])
                with connect(f"{self._address}?{query}") as self._socket:
                    self.connections += 1
                    if self._subscribe:
                        self.say(self._subscribe)
                    for text in self._socket:
                        attempts = 0
                        message: Message = json.loads(text)
                        yield message
                        if message["type"] == "progress_update":
                            self._heard[message["transaction_id"]] = message["last_event"]
                    attempts += 1
            except ConnectionClosed as closed:
                if closed.rcvd is not None and closed.rcvd.code == 1008:
                    raise ClosedError(closed.rcvd.code, closed.rcvd.reason) from None
                attempts += 1
            except OSError:
                attempts += 1
            if attempts > len(DELAYS_S):
                raise ClosedError(1006, "the server cannot be reached")
            time.sleep(DELAYS_S[attempts - 1])

    def updates(self) -> Generator[Message]:
        """What comes of transactions. Closing it closes the connection."""
        with closing(self.messages()) as messages:
            for message in messages:
                if message["type"] == "progress_update":
                    yield message

    def say(self, message: Message) -> None:
        """Sends something on the present connection."""
        self._socket.send(json.dumps(message))
