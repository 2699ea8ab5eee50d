"""Lets a worker of an example go on step by step, so that there is time to look."""

from __future__ import annotations

import threading


class Turns:
    """The worker takes a turn before each step; whoever looks gives them."""

    def __init__(self) -> None:
        """The worker waits from the beginning."""
        self._free = threading.Semaphore(0)

    def take(self) -> None:
        """Waits for a turn."""
        self._free.acquire()

    def taken(self, most: float) -> bool:
        """Waits at most so many seconds for a turn. Whether it came."""
        return self._free.acquire(timeout=most)

    def give(self, turns: int = 1) -> None:
        """Lets the worker go on."""
        self._free.release(turns)
