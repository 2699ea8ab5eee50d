"""The token that a session shows, and when to ask for the next one."""

from __future__ import annotations

import re
from datetime import datetime

__all__ = ["Credential"]

_REPLACED_AFTER = 0.8
_SPREAD = 0.2
"""The share of its life after which a token is replaced, and how much earlier it may be."""
_PAUSE_MS = 10_000
"""The shortest time between two questions while a token still holds."""
_SENDABLE = re.compile(r"[\x21-\x7e]+\Z")


class Credential:
    """A token and what became of it.

    **Invariant:** a token that was refused is not used again, and after two refusals in a row nobody is asked
    until the application says so.
    """

    def __init__(self, *, asked: bool) -> None:
        self._asked = asked
        self._refused: str | None = None
        self._replaced = False
        self.token: str | None = None
        self.reason = "unauthenticated"
        self.renew_at: float | None = None

    def ask(self) -> bool:
        """Before a connection, or when it is time to renew: whether to ask for a token."""
        self.renew_at = None
        return self._asked

    def take(self, token: str | None) -> str:
        """Takes what the application answered: it is ``new``, ``refused`` or ``none``."""
        if not token:
            return "none"
        if token == self._refused or not _SENDABLE.match(token):
            return "refused"
        self.token = token
        return "new"

    def holds_until(self, time: object, now: float, random: float) -> None:
        """The token holds until a time of the wire, as far as this clock goes; no time: for good."""
        ends = _milliseconds(time)
        if ends is None:
            self.renew_at = None
        else:
            self.renew_at = now + max(_PAUSE_MS, (ends - now) * (_REPLACED_AFTER - _SPREAD * random))

    def failed(self, now: float) -> None:
        """The next token could not be had or was not taken: ask again soon."""
        if self._asked:
            self.renew_at = now + _PAUSE_MS

    def refuse(self, reason: str) -> bool:
        """The server does not take the token. Whether another one is worth an attempt."""
        self.reason = reason
        self._refused = self.token
        self.token = None
        self.renew_at = None
        first = not self._replaced
        self._replaced = True
        return first and self._asked

    def proven(self) -> None:
        """The server serves whoever shows the token."""
        self._replaced = False

    def resume(self) -> None:
        """Somebody was signed in: what was refused may have been let in since."""
        self._replaced = False
        self._refused = None


def _milliseconds(time: object) -> float | None:
    """A time of the wire on the clock, ``None`` for what is none."""
    if not isinstance(time, str):
        return None
    try:
        # Python 3.10 reads no `Z`.
        return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1000
    except ValueError:
        return None
