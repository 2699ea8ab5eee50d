"""What a spool holds, as lines: written by a session, read back by the next one.

The first line says whose reports these are; then come reports with their numbers (a later line with the same
number takes the place of an earlier one), and marks of what needs to be sent no more. A line that cannot be
read, such as the last one after a crash, is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .queue import Entry

__all__ = ["Identity", "Restored", "gone_line", "head_line", "made_line", "restore", "through_line"]

_VERSION = 1

_UNSEEN = 1 << 32
"""Numbers that an earlier run may have used without a trace here, after its disk was full or the machine
failed. They are passed over: the server takes a number that was used for a repeat, and drops it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who reports on what.

    :param job: the job's id.
    :param producer: the name under which reports are numbered.
    :param create: the request that makes the job; ``None`` for one that is there.
    :param named: whether somebody chose the id, so that a job of that name may have been there before.
    """

    job: str
    producer: str
    create: Mapping[str, Any] | None
    named: bool


@dataclass(frozen=True, slots=True)
class Restored:
    """What an earlier run left."""

    identity: Identity
    url: str
    made: bool
    next_seq: int
    """The number of the next report: above all that were used, whether they are here or not."""
    entries: tuple[Entry, ...]


def head_line(identity: Identity, url: str, *, made: bool, next_seq: int) -> str:
    """The first line."""
    return _line(
        {
            "spool": _VERSION,
            "url": url,
            "job": identity.job,
            "producer": identity.producer,
            "create": identity.create,
            "named": identity.named,
            "made": made,
            "next": next_seq,
        }
    )


def made_line() -> str:
    """The job is there."""
    return _line({"made": True})


def through_line(seq: int) -> str:
    """Everything up to this number was answered."""
    return _line({"through": seq})


def gone_line(seq: int) -> str:
    """The report of this number is not sent any more."""
    return _line({"gone": seq})


def restore(lines: Iterable[str]) -> Restored | None:
    """What the lines say; ``None`` when not even their first one can be read."""
    head: dict[str, Any] | None = None
    made = False
    last = through = 0
    events: dict[int, dict[str, Any]] = {}
    for line in lines:
        said = _read(line)
        if said is None:
            continue
        if head is None:
            if said.get("spool") != _VERSION:
                return None
            head, made = said, said.get("made") is True
        elif isinstance(seq := said.get("seq"), int) and isinstance(said.get("type"), str):
            events[seq] = {name: value for name, value in said.items() if name != "seq"}
            last = max(last, seq)
        elif isinstance(seq := said.get("through"), int):
            through = max(through, seq)
        elif isinstance(seq := said.get("gone"), int):
            events.pop(seq, None)
        elif said.get("made") is True:
            made = True
    if head is None or not isinstance(head.get("job"), str) or not isinstance(head.get("producer"), str):
        return None
    create = head.get("create")
    identity = Identity(
        head["job"], head["producer"], create if isinstance(create, dict) else None, head.get("named") is True
    )
    left = tuple(_entry(seq, events[seq]) for seq in sorted(events) if seq > through)
    first = head.get("next")
    following = max(first if isinstance(first, int) else 1, last + 1, through + 1) + _UNSEEN
    return Restored(identity, str(head.get("url", "")), made, following, left)


def _entry(seq: int, event: dict[str, Any]) -> Entry:
    text = json.dumps({**event, "seq": seq}, ensure_ascii=False, separators=(",", ":"))
    return Entry(seq, event, text, len(text.encode()))


def _read(line: str) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _line(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))
