"""What is watched live, whoever waits for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ..watching.selection import EventFilter, Selection

__all__ = ["Watches"]

_Watch = TypeVar("_Watch")


class Watches(ABC, Generic[_Watch]):
    """The questions whose answers go on."""

    def watch(self, job: str, *, events: EventFilter = None, min_interval_ms: int | None = None) -> _Watch:
        """The live state of a job, from now until its end.

        :param events: which events come beside the state: ``True`` for all, or their types.
        :param min_interval_ms: the shortest time between two states; the server's default unless said.
        """
        return self._watch(Selection("job", job, events, min_interval_ms))

    def watch_session(
        self, session: str, *, events: EventFilter = None, min_interval_ms: int | None = None
    ) -> _Watch:
        """The live state of all jobs of a session, until the watch is closed."""
        return self._watch(Selection("session", session, events, min_interval_ms))

    def watch_tag(
        self, tag: str, *, events: EventFilter = None, min_interval_ms: int | None = None
    ) -> _Watch:
        """The live state of all jobs with a tag, until the watch is closed."""
        return self._watch(Selection("tag", tag, events, min_interval_ms))

    def watch_all(self, *, events: EventFilter = None, min_interval_ms: int | None = None) -> _Watch:
        """The live state of every job that the token sees, until the watch is closed."""
        return self._watch(Selection("all", "true", events, min_interval_ms))

    @abstractmethod
    def _watch(self, selection: Selection) -> _Watch:
        """The watch of a selection."""
