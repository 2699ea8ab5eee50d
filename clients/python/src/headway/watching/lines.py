"""One connection of a watch, over each transport that needs no other package.

A line is opened, then asked for messages until it is closed. It is the caller's thread that reads, so that
whoever takes changes slowly slows the connection and nothing piles up here: the server then sends the newest
state.
"""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ..errors import HeadwayError
from ..http.address import Address
from ..http.blocking import Connection, Streamed
from ..http.event_reader import EventReader
from ..http.exchange import Answer, Request, problem
from .connection import Close

__all__ = ["EventsLine", "Line", "LineClosed", "PollLine", "parsed", "poll_path", "polled", "refusal"]

POLL_WAIT_MS = 20_000
"""How long the server holds an answer back while nothing happens."""
POLL_PAUSE = 0.2
"""The shortest time between two polls in seconds: changes in between come together."""


class LineClosed(Exception):
    """The connection is over."""

    def __init__(self, close: Close) -> None:
        super().__init__(close.reason)
        self.close = close


class Line(ABC):
    """A connection. What it raises is `LineClosed`, or `HeadwayError` where it is not to be tried again."""

    #: Whether each answer opens it anew.
    polls = False

    @abstractmethod
    def open(self, timeout: float) -> None:
        """Connects."""

    @abstractmethod
    def receive(self, timeout: float) -> list[object] | None:
        """The next messages as parsed JSON: none are a sign of life, ``None`` is silence."""

    def send(self, message: dict[str, Any]) -> None:  # noqa: B027 - most lines cannot, and need not
        """Sends a message."""

    @abstractmethod
    def abort(self) -> None:
        """Ends whatever another thread waits for."""

    @abstractmethod
    def close(self) -> None:
        """Lets it go."""


class EventsLine(Line):
    """Server-Sent Events."""

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._connection = Connection(address)
        self._request = Request("GET", path, None, {"Accept": "text/event-stream"})
        self._token = token
        self._reader = EventReader()
        self._answer: Streamed | None = None

    def open(self, timeout: float) -> None:
        answer = _try(lambda: self._connection.stream(self._request, self._token, timeout))
        kind = answer.headers.get("content-type", "")
        if answer.status != 200 or not kind.startswith("text/event-stream"):
            raise LineClosed(refusal(_try(lambda: answer.whole(timeout))))
        self._answer = answer

    def receive(self, timeout: float) -> list[object]:
        answer = self._answer
        piece = b"" if answer is None else _try(lambda: answer.piece(timeout))
        if not piece:
            raise LineClosed(Close("the stream broke off"))
        events = self._reader.push(piece)
        if events is None:
            raise LineClosed(Close("an event is too large"))
        return [parsed(event) for event in events]

    def abort(self) -> None:
        self._connection.abort()

    def close(self) -> None:
        self._connection.close()


class PollLine(Line):
    """Long polls: a request each time, for where nothing else gets through."""

    polls = True

    def __init__(self, address: Address, path: str, token: str | None) -> None:
        self._connection = Connection(address)
        self._path = path
        self._token = token
        self._cursor: str | None = None
        self._earliest = 0.0

    def open(self, timeout: float) -> None:
        """Nothing is open before the first answer."""

    def receive(self, timeout: float) -> list[object]:
        time.sleep(max(0.0, self._earliest - time.monotonic()))
        request = Request("GET", poll_path(self._path, self._cursor), None, {"Accept": "application/json"})
        answer = _try(lambda: self._connection.exchange(request, self._token, timeout))
        self._earliest = time.monotonic() + POLL_PAUSE
        frames, self._cursor = polled(answer)
        return frames

    def abort(self) -> None:
        self._connection.abort()

    def close(self) -> None:
        self._connection.close()


def polled(answer: Answer) -> tuple[list[object], str]:
    """The messages of a poll's answer, and where the next one begins.

    :raises LineClosed: for an answer that is none.
    """
    if answer.status != 200:
        raise LineClosed(refusal(answer))
    said = answer.json()
    frames = said.get("frames") if isinstance(said, dict) else None
    cursor = said.get("cursor") if isinstance(said, dict) else None
    if not isinstance(frames, list) or not isinstance(cursor, str):
        raise LineClosed(Close("the answer is no poll's"))
    return frames, cursor


def poll_path(path: str, cursor: str | None) -> str:
    """The path of the next poll; the first one begins where the session said."""
    parts = urlsplit(path)
    query = [part for part in parts.query.split("&") if part and not (cursor and part.startswith("cursor="))]
    query.append(f"wait_ms={POLL_WAIT_MS}")
    if cursor:
        query.append(f"cursor={cursor}")
    return f"{parts.path}?{'&'.join(query)}"


def refusal(answer: Answer) -> Close:
    """What an answer means that is no stream."""
    error = problem(answer)
    known = error.code != "unexpected"
    retry = error.retry_after
    return Close(
        error.detail,
        status=answer.status,
        problem=error.code if known else None,
        retry_ms=None if retry is None else retry * 1000,
    )


def parsed(text: str) -> object:
    """The parsed message, ``None`` when it is no JSON."""
    try:
        said: object = json.loads(text)
    except ValueError:
        return None
    return said


_Value = TypeVar("_Value")


def _try(what: Callable[[], _Value]) -> _Value:
    """What a request gives; one that got no answer closes the line.

    :raises HeadwayError: when coming back would change nothing.
    """
    try:
        return what()
    except HeadwayError as error:
        if not error.retryable:
            raise
        raise LineClosed(Close(error.detail)) from error
