"""The stream's frames, read as far as a watcher needs them."""

from __future__ import annotations

from typing import Any

__all__ = ["Frame", "is_at_most", "read_frame"]

Frame = dict[str, Any]
"""A frame of the server; its ``type`` says which members it has."""

_NEEDED: dict[str, dict[str, type | tuple[type, ...]]] = {
    "hello": {"heartbeat_ms": (int, float)},
    "subscribed": {"id": str, "recovered": bool},
    "snapshot": {"job": str, "cursor": str, "state": dict},
    "update": {"job": str, "cursor": str, "prev": str},
    "event": {"job": str, "cursor": str, "event": dict},
    "gap": {"job": str, "from": str, "to": str, "reason": str},
    "end": {"job": str, "cursor": str, "status": str},
    "heartbeat": {},
    "result": {"id": str},
    "error": {"code": str, "message": str},
    "pong": {},
    "closing": {"reason": str, "retry_ms": (int, float)},
    "unknown": {},
}


def read_frame(message: object) -> Frame | None:
    """A frame of a parsed message.

    One of a type that this version does not know is ``unknown``, to be passed over; ``None`` is no frame at
    all. Members that are not known stay where they are.
    """
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        return None
    needed = _NEEDED.get(message["type"])
    if needed is None:
        return {"type": "unknown"}
    for member, wanted in needed.items():
        if not isinstance(message.get(member), wanted):
            return None
    return message


def is_at_most(cursor: str, held: str) -> bool:
    """Whether a position is in the same log as another one and not behind it.

    A position is eight hexadecimal digits that name the log, a dash, and a number.
    """
    epoch, _, offset = cursor.partition("-")
    held_epoch, _, held_offset = held.partition("-")
    numbers = offset.isdigit() and held_offset.isdigit()
    return epoch == held_epoch and numbers and int(offset) <= int(held_offset)
