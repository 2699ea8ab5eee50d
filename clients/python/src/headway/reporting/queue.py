"""Reports that wait to be sent.

What happens when they come faster than they go:

- *State* (progress, updates of a step) is conflated: as long as it was not sent, the newest is merged into
  the one that waits. It is not merged past a report that ends or begins what it is about.
- *Events* wait in order, each with its number. When there is no room, the oldest log line or partial
  result goes, then whatever comes; the end of a job always has a place.

**Invariants:** numbers grow along the queue and are never used twice; a report that may have reached the
server is not changed any more, because the server would take the change for a repeat.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Entry", "Event", "ReportQueue", "text_of"]

Event = Mapping[str, Any]
"""One event as JSON."""

_ENDS = frozenset({"complete", "fail"})
_LEAST = frozenset({"log", "partial"})


def text_of(event: Event) -> str:
    """The JSON of an event.

    :raises ValueError: for a number that JSON does not have, or a value that contains itself.
    :raises TypeError: for a value that JSON does not have.
    """
    return json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def lane_of(event: Event) -> str | None:
    """The lane in which an event is conflated; ``None`` for one that is kept."""
    match event["type"]:
        case "progress":
            return "job"
        case "step_update":
            return f"step:{event['step']}"
        case _:
            return None


def _closes(event: Event) -> str | None:
    """The lane that ends with an event: what waits there is not changed by what comes later."""
    match event["type"]:
        case "phase" | "start":
            return "job"
        case "step_start" | "step_finish":
            return f"step:{event['step']}"
        case _:
            return None


def _merged(old: Event, new: Event) -> dict[str, Any] | None:
    """Two states as one; ``None`` for those that mean something else together than one after the other."""
    event = {**old, **new}
    if "phase" in old and event["phase"] != old["phase"]:
        return None
    done, total = event.get("done"), event.get("total")
    if isinstance(done, int) and isinstance(total, int) and done > total:
        # The server takes more than was guessed earlier, but not from who guesses so now.
        return None
    if (percent := _percent(old, new, event)) is not None:
        event["percent"] = percent
    before, after = old.get("metadata"), new.get("metadata")
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        # Two merge patches in turn: members below the first level keep what only the first one said.
        event["metadata"] = _both(before, after)
    return event


def _percent(old: Event, new: Event, both: Event) -> float | None:
    """The percent that two states in turn come to, which does not fall; ``None`` where none was said.

    A percent that is said goes before the one that units give, so that beside newer units an older one would
    hide how far they are.
    """
    one: float
    other: float | None
    if "percent" in new:
        one, other = new["percent"], old.get("percent", _share(old))
    elif "percent" in old:
        one, other = old["percent"], _share(both)
    else:
        return None
    return one if other is None else max(one, other)


def _share(event: Event) -> float | None:
    done, total = event.get("done"), event.get("total")
    return 100 * done / total if isinstance(done, int) and isinstance(total, int) and total > 0 else None


def _both(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    members = dict(before)
    for name, value in after.items():
        held = members.get(name)
        deep = isinstance(held, Mapping) and isinstance(value, Mapping)
        members[name] = _both(held, value) if deep else value  # type: ignore[arg-type]
    return members


@dataclass(slots=True)
class Entry:
    """A report with its number. The text is its JSON with the number in it."""

    seq: int
    event: Event
    text: str
    size: int

    @property
    def kind(self) -> str:
        """The event's type."""
        return str(self.event["type"])

    @property
    def ends(self) -> bool:
        """Whether nothing of its attempt can follow it."""
        return self.kind in _ENDS


class ReportQueue:
    """A bounded queue of numbered reports, the oldest first."""

    def __init__(self, most: int, most_bytes: int, *, first: int = 1) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._next = first
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._least: OrderedDict[int, None] = OrderedDict()
        self._lanes: dict[str, int] = {}
        self._bytes = 0
        self._sent = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def next_seq(self) -> int:
        """The number of the next report."""
        return self._next

    @property
    def bytes(self) -> int:
        """Bytes of JSON that wait."""
        return self._bytes

    def add(self, event: Event) -> tuple[Entry | None, list[Entry]]:
        """Takes a report: its entry, ``None`` where there is no room, and what had to make room.

        :raises ValueError: as `text_of`.
        :raises TypeError: as `text_of`.
        """
        lane = lane_of(event)
        if lane is not None and (waits := self._lanes.get(lane)) is not None:
            entry = self._entries[waits]
            if (merged := _merged(entry.event, event)) is not None:
                return self._merge(entry, merged)
        seq = self._next
        text = text_of({**event, "seq": seq})
        entry = Entry(seq, event, text, len(text.encode()))
        gone = self._room(1, entry.size, certain=entry.ends)
        if gone is None:
            return None, []
        self._next += 1
        self._put(entry)
        return entry, gone

    def restore(self, entries: Iterable[Entry]) -> None:
        """Takes up reports of an earlier run, which may have been sent."""
        for entry in entries:
            self._put(entry)
            self._sent = max(self._sent, entry.seq)
            self._next = max(self._next, entry.seq + 1)
        self._lanes.clear()

    def batch(self, most: int, most_bytes: int) -> list[Entry]:
        """The next reports to send, which are not changed from now on.

        At least one if there is any. A batch ends with what ends the job or answers a command, since the
        server takes a request whole or not at all.
        """
        entries: list[Entry] = []
        size = 0
        for entry in self._entries.values():
            size += entry.size + 1
            if entries and (len(entries) >= most or size > most_bytes):
                break
            entries.append(entry)
            if entry.ends or entry.kind == "ack":
                break
        if entries:
            self._sent = max(self._sent, entries[-1].seq)
            self._lanes = {lane: seq for lane, seq in self._lanes.items() if seq > self._sent}
        return entries

    def remove(self, entries: Iterable[Entry]) -> None:
        """Lets reports go."""
        for entry in entries:
            held = self._entries.pop(entry.seq, None)
            if held is None:
                continue
            self._bytes -= held.size
            self._least.pop(entry.seq, None)
            lane = lane_of(held.event)
            if lane is not None and self._lanes.get(lane) == entry.seq:
                del self._lanes[lane]

    def clear(self) -> list[Entry]:
        """Lets everything go, and says what it was."""
        gone = list(self._entries.values())
        self.remove(gone)
        return gone

    def _merge(self, entry: Entry, event: Event) -> tuple[Entry | None, list[Entry]]:
        text = text_of({**event, "seq": entry.seq})
        size = len(text.encode())
        gone = self._room(0, size - entry.size, certain=False)
        if gone is None:
            return None, []
        self._bytes += size - entry.size
        entry.event, entry.text, entry.size = event, text, size
        return entry, gone

    def _put(self, entry: Entry) -> None:
        self._entries[entry.seq] = entry
        self._bytes += entry.size
        if entry.kind in _LEAST:
            self._least[entry.seq] = None
        if (closed := _closes(entry.event)) is not None:
            self._lanes.pop(closed, None)
        if (lane := lane_of(entry.event)) is not None:
            self._lanes[lane] = entry.seq

    def _room(self, more: int, more_bytes: int, *, certain: bool) -> list[Entry] | None:
        """Makes room: what went for it, ``None`` when there is none to be made."""
        gone: list[Entry] = []
        count, size = len(self._entries) + more, self._bytes + more_bytes
        for seq in self._least:
            if count <= self._most and size <= self._most_bytes:
                break
            # What was sent may be on its way.
            if seq <= self._sent:
                continue
            victim = self._entries[seq]
            gone.append(victim)
            count, size = count - 1, size - victim.size
        if (count > self._most or size > self._most_bytes) and not certain:
            return None
        self.remove(gone)
        return gone
