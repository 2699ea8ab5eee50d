"""Cuts bytes that come in pieces into the ``data`` of their events (WHATWG HTML, section 9.2.6).

Names and ids of events are inside the data as well, so that they are passed over.
"""

from __future__ import annotations

__all__ = ["EventReader"]

_LONGEST = 8 * 1024 * 1024
"""The largest event that is read, in bytes; a snapshot carries a result of at most 1 MiB beside the rest."""


class EventReader:
    """Bytes in, events out."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._length = 0

    def push(self, piece: bytes) -> list[str] | None:
        """The events that a piece completes; ``None`` when one is too large to be read."""
        text = self._rest + piece
        # The line feed that belongs to a return may still come.
        held = b"\r" if text.endswith(b"\r") else b""
        text = text[: len(text) - len(held)]
        *lines, rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + held
        events: list[str] = []
        for line in lines:
            self._line(line, events)
        return None if len(self._rest) + self._length > _LONGEST else events

    def _line(self, line: bytes, events: list[str]) -> None:
        if not line:
            if self._data:
                events.append(b"\n".join(self._data).decode(errors="replace"))
            self._data = []
            self._length = 0
        elif line.startswith(b"data:"):
            data = line[5:].removeprefix(b" ")
            self._data.append(data)
            self._length += len(data)
