"""What is watched, by whom, and what is known of its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .connection import Refusal, TransportName
from .frame import Frame
from .lane import Lane
from .selection import EventFilter, Selection, union, unnameable

__all__ = ["Subscriptions"]

_LOOKED_UP = 64
"""Jobs of a selector that are asked for by name when a connection is made again."""


@dataclass(slots=True)
class _Subscription:
    selection: Selection
    refusal: Refusal | None
    count: int = 1


class Subscriptions:
    """**Invariant:** a lane is kept exactly as long as a subscription brings its job."""

    def __init__(self) -> None:
        self._all: dict[str, _Subscription] = {}
        self._lanes: dict[str, Lane] = {}

    def add(self, key: str, selection: Selection) -> bool:
        """Adds a selection, or a reader of one that is there. Whether it is new."""
        present = self._all.get(key)
        if present is not None:
            present.count += 1
            return False
        refusal = unnameable(selection)
        self._all[key] = _Subscription(selection, refusal)
        if selection.job is not None and refusal is None:
            self._lanes.setdefault(selection.job, Lane())
        return True

    def remove(self, key: str) -> list[str] | None:
        """One reader less. After the last one, the jobs that nothing brings any more; before, ``None``."""
        subscription = self._all.get(key)
        if subscription is None:
            return None
        subscription.count -= 1
        if subscription.count > 0:
            return None
        del self._all[key]
        gone = [job for job, lane in self._lanes.items() if not self._is_brought(job, lane.job)]
        for job in gone:
            del self._lanes[job]
        return gone

    def lane(self, job: str) -> Lane | None:
        """What is known of a job."""
        return self._lanes.get(job)

    def lane_of(self, frame: Frame) -> Lane | None:
        """The lane that a frame is for: one that is there, or that of a job that comes for the first time.

        Such a job begins with a snapshot.
        """
        job = frame["job"]
        present = self._lanes.get(job)
        if present is not None or frame["type"] != "snapshot":
            return present
        return self._lanes.setdefault(job, Lane()) if self._is_brought(job, frame["state"]) else None

    def lose(self, job: str) -> bool:
        """A job that only selectors bring is not there any more. Whether it was."""
        return not self._is_named(job) and self._lanes.pop(job, None) is not None

    def finish(self) -> list[str]:
        """The server said that every end was seen: the jobs of which that is news."""
        return [job for job, lane in self._lanes.items() if lane.finish()]

    def lanes(self, key: str) -> Iterator[tuple[str, Lane]]:
        """What is known of all jobs that a subscription brings."""
        subscription = self._all.get(key)
        if subscription is not None:
            for job, lane in self._lanes.items():
                if subscription.selection.covers(job, lane.job):
                    yield job, lane

    def refusal(self, key: str) -> Refusal | None:
        """Why a subscription is not served."""
        subscription = self._all.get(key)
        return None if subscription is None else subscription.refusal

    def refuse(self, key: str, refusal: Refusal) -> bool:
        """A subscription is not served. Whether it is there."""
        subscription = self._all.get(key)
        if subscription is None:
            return False
        subscription.refusal = refusal
        return True

    def forgive(self) -> list[str]:
        """Another try for all that was refused: their keys."""
        refused = [(key, one) for key, one in self._all.items() if one.refusal is not None]
        for _, subscription in refused:
            subscription.refusal = unnameable(subscription.selection)
        return [key for key, _ in refused]

    def standing(self, transport: TransportName) -> list[tuple[str, Selection]]:
        """Subscriptions of which something may still come.

        A job that has ended may be retried, and a WebSocket tells; the other transports would have to be
        asked again and again for its end.
        """
        return [
            (key, one.selection)
            for key, one in self._all.items()
            if one.refusal is None and (transport == "websocket" or not self._is_settled(one.selection))
        ]

    def doubt(self) -> None:
        """What has ended is asked for again."""
        for lane in self._lanes.values():
            lane.doubt()

    def to(self, job: str) -> list[tuple[str, Selection]]:
        """Subscriptions to one job by its name that were not refused."""
        return [
            (key, one.selection)
            for key, one in self._all.items()
            if one.selection.job == job and one.refusal is None
        ]

    def events_of(self, job: str) -> EventFilter:
        """The events of a job that any of the selectors which bring it wants."""
        lane = self._lanes.get(job)
        document = None if lane is None else lane.job
        served = [one.selection for one in self._all.values() if one.refusal is None]
        many = [selection for selection in served if selection.job is None]
        return union([selection for selection in many if selection.covers(job, document)])

    def is_served(self, job: str) -> bool:
        """Whether a subscription that was not refused brings a job."""
        lane = self._lanes.get(job)
        return lane is not None and any(
            one.refusal is None and one.selection.covers(job, lane.job) for one in self._all.values()
        )

    def called(self, name: str) -> str | None:
        """The subscription for which the server made a name, where names cannot be chosen.

        Such as ``job:a``, ``tag:x``, ``all``; or just the job, where it is the only one.
        """
        for key, one in self._all.items():
            selection = one.selection
            made = "all" if selection.word == "all" else f"{selection.word}:{selection.value}"
            if name == made or (selection.job is not None and selection.job == name):
                return key
        return None

    def cursor(self, selection: Selection) -> str | None:
        """The position to come back from, for what has one.

        With events, that of the last one where a snapshot is needed.
        """
        lane = self._named(selection)
        if lane is None:
            return None
        return lane.event if lane.cursor is None and selection.events else lane.cursor

    def look_ups(self) -> tuple[list[str], list[str]]:
        """Jobs that a selector brings and that have not ended: those to ask for, and those to forget.

        One that ended while nobody was connected would not be told again by the selector, so they are asked
        for by name. That also says from where their events go on, which a selector cannot. Those above the
        bound are better forgotten than shown as they no longer are.
        """
        open_ones = [job for job, lane in self._lanes.items() if not lane.ended]
        wanted = [job for job in open_ones if not self._is_named(job) or self.events_of(job) is not None]
        return wanted[:_LOOKED_UP], wanted[_LOOKED_UP:]

    def _is_named(self, job: str) -> bool:
        return any(one.selection.job == job for one in self._all.values())

    def _named(self, selection: Selection) -> Lane | None:
        """The lane of the job that a selection names."""
        return None if selection.job is None else self._lanes.get(selection.job)

    def _is_settled(self, selection: Selection) -> bool:
        lane = self._named(selection)
        return lane is not None and lane.settled

    def _is_brought(self, job: str, document: dict[str, Any] | None) -> bool:
        return any(one.selection.covers(job, document) for one in self._all.values())
