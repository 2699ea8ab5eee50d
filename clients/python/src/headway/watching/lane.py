"""One job as its stream tells it."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .frame import Frame, is_at_most
from .merge import merge

__all__ = ["Applied", "Lane"]


class Applied(Enum):
    """What a frame did to a lane."""

    CHANGED = "changed"
    """There is something new."""
    KNOWN = "known"
    """It tells what is known, or waits for a snapshot that was asked for."""
    HOLE = "hole"
    """It does not fit the position held: a snapshot is needed."""


class Lane:
    """The document of one job, its position, that of the events that were seen, and whether it ended.

    **Invariants:** the document is at every moment one that the server had; each event passes once.
    """

    def __init__(self) -> None:
        self._waiting = False
        self.job: dict[str, Any] | None = None
        self.cursor: str | None = None
        self.event: str | None = None
        self.ended = False

    def finish(self) -> bool:
        """The server said that the end was seen. Whether that is news."""
        news = not self.ended
        self.ended = True
        return news

    def apply(self, frame: Frame) -> Applied:
        """Takes a frame of this job."""
        match frame["type"]:
            case "snapshot":
                self.job, self.cursor = frame["state"], frame["cursor"]
                self.ended = self._waiting = False
                return Applied.CHANGED
            case "update":
                return self._update(frame)
            case "event":
                if self.event is not None and is_at_most(frame["cursor"], self.event):
                    return Applied.KNOWN
                self.event = frame["cursor"]
                return Applied.CHANGED
            case "gap":
                self.event = frame["to"]
                return Applied.CHANGED
            case _:
                return Applied.CHANGED if self.finish() else Applied.KNOWN

    def _update(self, frame: Frame) -> Applied:
        cursor = frame["cursor"]
        if self.cursor == frame["prev"]:
            self.job = merge(merge(self.job, frame.get("patch", {})), {"cursor": cursor})
            self.cursor = cursor
            self.ended = False
            return Applied.CHANGED
        if self._waiting or (self.cursor is not None and is_at_most(cursor, self.cursor)):
            return Applied.KNOWN
        # Every event up to a state comes before it.
        if self.cursor is not None and (self.event is None or not is_at_most(self.cursor, self.event)):
            self.event = self.cursor
        self.cursor = None
        self._waiting = True
        return Applied.HOLE
