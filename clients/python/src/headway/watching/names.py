"""Names on the wire, and what each stands for.

**Invariant:** a name is used once, so that an answer that comes late is never taken for that to another
question.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Names", "Subject"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A subscription, or a job that is looked up for a selector."""

    key: str | None = None
    looked_up: str | None = None


class Names:
    """The names that stand on the present connection."""

    def __init__(self) -> None:
        self._subjects: dict[str, Subject] = {}
        self._taken = 0

    def take(self, subject: Subject) -> str:
        """A new name for something."""
        self._taken += 1
        name = str(self._taken)
        self._subjects[name] = subject
        return name

    def find(self, name: str) -> Subject | None:
        """What a name stands for."""
        return self._subjects.get(name)

    def drop(self, name: str) -> None:
        """A name stands for nothing any more."""
        self._subjects.pop(name, None)

    def withdraw(self, which: Callable[[Subject], bool]) -> list[str]:
        """Drops the names of some subjects, and says which they were."""
        gone = [name for name, subject in self._subjects.items() if which(subject)]
        for name in gone:
            del self._subjects[name]
        return gone

    def clear(self) -> None:
        """The connection is another: none of them stands."""
        self._subjects.clear()
