"""What a watch is, whether it is waited for by a thread or by a task: a session and what it tells.

**Invariant:** nothing here waits or connects; a face does, and gives what comes.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib.util import find_spec

from ..errors import HeadwayError
from ..http.address import Address, token_of
from ..http.exchange import Token
from .connection import Close, TransportName
from .feed import Feed
from .selection import Selection
from .session import Session, SessionOptions

__all__ = ["TRANSPORTS", "Face", "available", "now_ms"]

TRANSPORTS: tuple[TransportName, ...] = ("events", "poll")
"""Ways to read the stream that need no other package, best first."""


class Face(ABC):
    """The part of a watch that does not wait."""

    def __init__(
        self,
        address: Address,
        token: Token,
        selection: Selection,
        transports: Sequence[TransportName] = TRANSPORTS,
    ) -> None:
        self._address = address
        self._token = token
        self._selection = selection
        self._session = Session(SessionOptions(available(transports), token.is_there))
        self._feed = Feed(self._session, selection)
        # The connection of interest, by the session's count.
        self._number = 0
        self._begun = False

    @property
    def state(self) -> str:
        """How the connection is: ``idle``, ``connecting``, ``live`` or ``waiting`` for the next attempt."""
        return self._session.phase.state

    @abstractmethod
    def _drop(self) -> None:
        """Lets the connection go."""

    def _begin(self) -> None:
        """With the first change that is asked for, which may be long after the watch was made."""
        if not self._begun:
            self._begun = True
            self._session.subscribe("watch", self._selection, now_ms())

    def _ask(self) -> None:
        """Gives the session a token."""
        try:
            token = token_of(self._token.current())
        except Exception as error:
            reason = f"no token could be had ({type(error).__name__})"
            self._session.handle_token_failure(reason, now_ms(), random.random())
        else:
            self._session.handle_token(token, now_ms())

    def _take(self, messages: list[object] | None, *, polled: bool) -> None:
        """Gives the session what came: none are a sign of life, ``None`` is silence until its deadline."""
        if messages is None:
            self._session.handle_timeout(now_ms(), random.random())
            return
        if polled:
            self._session.handle_open(self._number, now_ms())
        if not messages:
            self._session.handle_activity(self._number, now_ms())
        for message in messages:
            self._session.handle_frame(self._number, message, now_ms(), random.random())

    def _over(self, close: Close) -> None:
        """The connection has ended."""
        self._drop()
        self._session.handle_close(self._number, close, now_ms(), random.random())

    def _fail(self, error: HeadwayError) -> None:
        """No connection can be made, and trying again would change nothing."""
        self._drop()
        self._feed.fail(error)

    def _left(self) -> float:
        """Seconds until the session's deadline."""
        deadline = self._session.next_deadline()
        return 60.0 if deadline is None else max((deadline - now_ms()) / 1000, 0.001)


def available(transports: Sequence[TransportName]) -> tuple[TransportName, ...]:
    """The transports, checked.

    :raises ValueError: for none, for one that there is not, and for a WebSocket without its package.
    """
    strange = [name for name in transports if name not in ("websocket", "events", "poll")]
    if strange or not transports:
        raise ValueError("transports are websocket, events and poll, best first, at least one")
    if "websocket" in transports and find_spec("websockets") is None:
        raise ValueError("watching over WebSockets needs a package: pip install 'headway[websocket]'")
    return tuple(transports)


_OFFSET = time.time() - time.monotonic()


def now_ms() -> float:
    """Milliseconds of a clock that does not jump, counted from about the Unix epoch."""
    return (time.monotonic() + _OFFSET) * 1000
