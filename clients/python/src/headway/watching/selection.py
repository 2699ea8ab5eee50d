"""What is watched, and the addresses and messages that say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from .connection import Refusal, TransportName

__all__ = ["STREAM", "EventFilter", "Selection", "address", "subscribe", "union", "unnameable"]

STREAM = "/api/v1/stream"
"""The stream that everything is subscribed on by messages."""

EventFilter = bool | Sequence[str] | None
"""Which events come beside the state: all, some types, or none."""

_DEFAULT_INTERVAL_MS = 100
"""The server's own, for selections that say nothing beside others that do."""
_NAME = re.compile(r"[A-Za-z0-9_\-.:~]{1,128}\Z")


@dataclass(frozen=True, slots=True)
class Selection:
    """One job, or all jobs of a session, of a tag, or whatever the caller sees.

    :param word: ``job``, ``session``, ``tag`` or ``all``.
    :param value: its name; of ``all`` it is ``true``.
    :param min_interval_ms: the shortest time between two states of one job; the server's default unless said.
    """

    word: str
    value: str
    events: EventFilter = None
    min_interval_ms: int | None = None

    @property
    def job(self) -> str | None:
        """The job that it names, if it names one."""
        return self.value if self.word == "job" else None

    @property
    def member(self) -> dict[str, Any]:
        """It as a member of a message."""
        return {self.word: True if self.word == "all" else self.value}

    def covers(self, job: str, document: Mapping[str, Any] | None) -> bool:
        """Whether it brings a job."""
        match self.word:
            case "job":
                return self.value == job
            case "all":
                return True
            case "session":
                return document is not None and document.get("session") == self.value
            case _:
                return document is not None and self.value in (document.get("tags") or ())


def subscribe(name: str, selection: Selection, cursor: str | None) -> dict[str, Any]:
    """The message that subscribes."""
    message: dict[str, Any] = {"type": "subscribe", "id": name, **selection.member}
    if cursor is not None:
        message["cursor"] = cursor
    if selection.events is not None:
        events = selection.events
        message["events"] = events if isinstance(events, bool) else list(events)
    if selection.min_interval_ms is not None:
        message["min_interval_ms"] = selection.min_interval_ms
    return message


def address(
    selections: Sequence[Selection], cursor_of: Callable[[Selection], str | None], transport: TransportName
) -> str:
    """The path of a stream that cannot be spoken to: everything that is watched is in it.

    That of one job says the position held, and so goes on where it was. Of several jobs each begins with a
    snapshot; where events are wanted, those after the position held come before it.
    """
    query: list[tuple[str, str]] = []
    # A stream takes each selector once. Of those for a job, that with events may know a position where others
    # need none.
    asked: dict[tuple[str, str], Selection] = {}
    for selection in selections:
        key = (selection.word, selection.value)
        if key not in asked or selection.events:
            asked[key] = selection
    events = union(selections)
    cursors = [(selection.job, cursor_of(selection)) for selection in asked.values()]
    single = cursors[0][0] if len(cursors) == 1 else None
    if single is None:
        query += asked
        positions = [f"{job}@{cursor}" for job, cursor in cursors if cursor is not None]
        if events is not None and positions:
            query.append(("cursor", ",".join(positions)))
    elif (cursor := cursors[0][1]) is not None:
        query.append(("last_event_id" if transport == "events" else "cursor", cursor))
    if events is not None:
        query.append(("events", "true" if isinstance(events, bool) else ",".join(events)))
    said = [selection.min_interval_ms for selection in selections]
    if any(interval is not None for interval in said):
        shortest = min(_DEFAULT_INTERVAL_MS if interval is None else interval for interval in said)
        query.append(("min_interval_ms", str(shortest)))
    path = STREAM if single is None else f"/api/v1/jobs/{quote(single, safe='')}/stream"
    return f"{path}?{urlencode(query)}" if query else path


def unnameable(selection: Selection) -> Refusal | None:
    """The refusal of a selection that the server could not read.

    It is not asked: too many of those close the connection, and others watch on it.
    """
    job = selection.job
    if job is None or _NAME.match(job):
        return None
    return Refusal("not_found", f"`{job}` cannot name a job: use 1 to 128 of A-Z a-z 0-9 _ - . : ~")


def union(selections: Sequence[Selection]) -> EventFilter:
    """One filter for several selections: whatever any of them wants."""
    types: dict[str, None] = {}
    for selection in selections:
        if selection.events is True:
            return True
        if selection.events:
            types.update(dict.fromkeys(selection.events))
    return list(types) or None
