"""What a watch tells whoever iterates over it: changes, in order.

**Invariant:** states that nobody has taken yet are replaced by newer ones of the same job, so that a slow
reader costs one state for each job; events are held as they came and read from the connection no faster than
they are taken.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..errors import HeadwayError
from .connection import Refused, SignedOut
from .output import ConnectionChanged, Happened, JobChanged, Output, SubscriptionChanged
from .selection import Selection
from .session import Session

_KEPT = 1_000
"""Jobs of a selector that have ended and are remembered, so that another attempt goes on where they were.
A watch may go on for months; whatever ended before these is as a new job when it comes again.
The server remembers 256 for a connection."""

__all__ = ["Change", "Ended", "EventHappened", "Feed", "Gap", "StateChanged"]


@dataclass(frozen=True, slots=True)
class StateChanged:
    """A job's document is another. It is not to be changed."""

    job: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EventHappened:
    """Something happened in a job: a log line, a partial result, a step or an item. Each comes once."""

    job: dict[str, Any]
    event: dict[str, Any]
    cursor: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Events are missing here: ``reason`` is ``retention``, ``slow`` or ``epoch``. The state is whole."""

    job: dict[str, Any]
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt is over, and the document is its last."""

    job: dict[str, Any]
    status: str


Change = StateChanged | EventHappened | Gap | Ended
"""One thing that a watch tells; each has the job's document as it is then."""


class Feed:
    """The changes of one selection."""

    def __init__(self, session: Session, selection: Selection) -> None:
        self._session = session
        self._selection = selection
        self._changes: deque[Change] = deque()
        self._ended: dict[str, None] = {}
        self._over = False
        self._error: HeadwayError | None = None

    def take(self, output: Output) -> None:
        """Takes what the session tells."""
        match output:
            case JobChanged(job):
                self._job(job)
            case Happened(frame):
                lane = self._session.lane(frame["job"])
                document = (lane.job if lane is not None else None) or {"id": frame["job"]}
                if frame["type"] == "gap":
                    self._changes.append(Gap(document, frame["reason"]))
                else:
                    self._changes.append(EventHappened(document, frame["event"], frame["cursor"]))
            case SubscriptionChanged(key):
                refusal = self._session.refusal(key)
                if refusal is not None:
                    status = 404 if refusal.code == "not_found" else None
                    self.fail(HeadwayError(refusal.message, code=refusal.code, status=status))
            case ConnectionChanged():
                phase = self._session.phase
                if isinstance(phase, SignedOut):
                    detail = f"nobody is signed in: {phase.reason}"
                    self.fail(HeadwayError(detail, code="unauthenticated", status=401))
                elif isinstance(phase, Refused):
                    self.fail(HeadwayError(phase.reason, code=str(phase.code)))
            case _:
                pass

    def next(self) -> Change | None:
        """The next change; ``None`` when there is none yet.

        :raises HeadwayError: when nothing comes any more for a reason.
        """
        if self._changes:
            return self._changes.popleft()
        if self._error is not None:
            raise self._error
        return None

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more: the one job that is watched has ended and everything was taken."""
        return self._over and not self._changes

    def _job(self, job: str) -> None:
        lane = self._session.lane(job)
        if lane is None or lane.job is None:
            return
        document = lane.job
        last = self._changes[-1] if self._changes else None
        if isinstance(last, StateChanged) and last.job.get("id") == document.get("id"):
            self._changes.pop()
        if lane.ended and job not in self._ended:
            self._ended[job] = None
            self._changes.append(Ended(document, str(document.get("status"))))
            self._over = self._selection.job == job
            if len(self._ended) > _KEPT:
                oldest = next(iter(self._ended))
                del self._ended[oldest]
                self._session.forget(oldest)
        elif not lane.ended:
            self._ended.pop(job, None)
            self._changes.append(StateChanged(document))

    def fail(self, error: HeadwayError) -> None:
        """Nothing comes any more, for a reason."""
        if self._error is None:
            self._error = error
