"""What a session tells whoever runs the worker: once when something begins, not with each report.

**Invariant:** bounded, whoever reads it or does not.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from .terms import Notice

__all__ = ["Notices"]

_WAITING = 64
_REFUSALS = 64
"""Kinds of refusals that are told; beyond them they are only counted."""


class Notices:
    """What there is to tell about one job, and what was told before."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._waiting: deque[Notice] = deque(maxlen=_WAITING)
        self._away = False
        self._shut_out = False
        self._full = False
        self._late = False
        self._refused: set[tuple[str, str | None]] = set()

    def poll(self) -> Notice | None:
        """The next thing to tell."""
        return self._waiting.popleft() if self._waiting else None

    def tell(self, level: Literal["error", "warning", "info"], message: str) -> None:
        """Something that happens once."""
        self._waiting.append(Notice(level, f"job {self._job}: {message}"))

    @property
    def told_shut_out(self) -> bool:
        """Whether a refused token was told, and none has been taken since."""
        return self._shut_out

    def away(self, reason: str) -> None:
        """Nothing gets through for now."""
        if not self._away:
            self._away = True
            self.tell("warning", f"reports wait and are sent later: {reason}")

    def shut_out(self, reason: str) -> None:
        """The token is not taken."""
        if not self._shut_out:
            self._shut_out = True
            self.tell("error", f"reports are kept and not sent: the server does not take the token: {reason}")

    def back(self) -> None:
        """Something got through."""
        if self._away or self._shut_out:
            self._away = self._shut_out = False
            self.tell("info", "reports are sent again")
        self._full = False

    def full(self) -> None:
        """There is no room."""
        if not self._full:
            self._full = True
            self.tell("warning", "more waits to be sent than there is room for: reports are dropped")

    def late(self) -> None:
        """Something was said after the end."""
        if not self._late:
            self._late = True
            self.tell("warning", "it has ended: further reports on it are dropped")

    def refused(self, kind: str, field: str | None, detail: str) -> None:
        """The server does not take a report."""
        sign = (kind, field)
        if sign not in self._refused and len(self._refused) < _REFUSALS:
            self._refused.add(sign)
            self.tell("error", f"a report `{kind}` was refused and dropped: {detail}")
