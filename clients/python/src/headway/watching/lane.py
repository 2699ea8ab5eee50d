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
        self._doubted = False
        self.job: dict[str, Any] | None = None
        self.cursor: str | None = None
        # The position up to which events were seen, and where it began: older ones are not for its readers.
        self._event: str | None = None
        self._since: str | None = None
        self.ended = False

    @property
    def event(self) -> str | None:
        """The position up to which events were seen."""
        return self._event or self._since

    @property
    def settled(self) -> bool:
        """Whether nothing more is expected: it has ended, and nobody has asked since whether it still has."""
        return self.ended and not self._doubted

    def doubt(self) -> None:
        """It is asked for again, though it may have ended."""
        self._doubted = True

    def finish(self) -> bool:
        """The server said that the end was seen. Whether that is news."""
        news = not self.ended
        self.ended = True
        self._doubted = False
        return news

    def apply(self, frame: Frame) -> Applied:
        """Takes a frame of this job."""
        match frame["type"]:
            case "snapshot":
                held = None if self.job is None else self.job.get("cursor")
                cursor = frame["cursor"]
                self._waiting = False
                if isinstance(held, str) and cursor != held and is_at_most(cursor, held):
                    # A subscription that was behind begins with what is known.
                    self.cursor = held
                    return Applied.KNOWN
                self._since = self._since or cursor
                # Whoever looks again at what has ended may find nothing else.
                self.ended = self.ended and cursor == held
                self.job, self.cursor = frame["state"], cursor
                return Applied.CHANGED
            case "update":
                return self._update(frame)
            case "event":
                if self._was_seen(frame["cursor"]):
                    return Applied.KNOWN
                self._event = frame["cursor"]
                return Applied.CHANGED
            case "gap":
                # Every event up to a state comes before it: whoever has this one misses nothing.
                seen = [held for held in (self._event, self.cursor) if held is not None]
                if any(is_at_most(frame["to"], held) for held in seen):
                    return Applied.KNOWN
                self._event = frame["to"]
                return Applied.CHANGED
            case _:
                return Applied.CHANGED if self.finish() else Applied.KNOWN

    def _was_seen(self, cursor: str) -> bool:
        """Whether an event has passed, or is older than the first state that was shown."""
        if self._event is not None and is_at_most(cursor, self._event):
            return True
        since = self._since
        return since is not None and cursor != since and is_at_most(cursor, since)

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
        if self.cursor is not None and (self._event is None or not is_at_most(self.cursor, self._event)):
            self._event = self.cursor
        self.cursor = None
        self._waiting = True
        return Applied.HOLE
