"""How long to wait before coming back."""

from __future__ import annotations

__all__ = ["Backoff"]

_FIRST = 1.0
_LAST = 16.0


class Backoff:
    """Waits of 1, 2, 4, 8 and 16 s, each with full jitter.

    A wait is a random time between zero and its step, so that thousands that were cut off together do not
    come back together. After ``attempts`` failures in a row there is none left; without a limit the last
    step stays.
    """

    def __init__(self, attempts: int | None = None) -> None:
        self._attempts = attempts
        self._failures = 0

    def next(self, random: float) -> float | None:
        """The wait before the next attempt in seconds, ``None`` when none is left; ``random`` is 0 to 1."""
        if self._attempts is not None and self._failures >= self._attempts:
            return None
        step = min(_FIRST * 2.0 ** min(self._failures, 10), _LAST)
        self._failures += 1
        return float(step * random)

    def reset(self) -> None:
        """It worked: the next failure is the first again."""
        self._failures = 0

    @staticmethod
    def away(random: float) -> float:
        """The wait while there is no network: long, and not counted."""
        return _LAST * random
