"""Reporting from threads: a session under a thread of its own.

Whoever reports takes a lock for some microseconds and never for the length of a request. The thread is a
daemon: it does not keep a program alive, which at its end waits a bounded time for what is left.
"""

from __future__ import annotations

import atexit
import os
import random
import threading
import time
from collections.abc import Callable
from types import TracebackType

from ..http.blocking import Connection
from ..http.exchange import Token
from .begin import Desk, identity_of
from .courier import exchange
from .face import Face
from .journal import Identity
from .options import ReportOptions
from .session import ReportSession
from .terms import Stage

__all__ = ["Reporter"]

_LIVE: set[Reporter] = set()
"""Those that were begun and not closed."""


class Reporter(Face):
    """Reports on one job without ever waiting for the server. Made by `Reporter.job`.

    As a ``with`` block it ends the job: completed at the end of the block, failed by an exception, which
    goes on, and cancelled by `JobCancelled`, which ends there. Safe to be used from several threads, and in
    processes forked from this one, which report under a name of their own.
    """

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        """Stands still while the job is paused. Whether the work may go on.

        The pause is acknowledged when the worker comes here, so that people see that it stands still. False
        when the job was cancelled, or ``timeout`` seconds have passed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            session = self._desk.session
            session.attend(True)
            try:
                while session.is_pausing and session.stage is not Stage.OVER and not self._closed:
                    if self._acknowledges:
                        session.acknowledge_all("pause")
                        self._desk.keep()
                    self._wake()
                    left = None if deadline is None else deadline - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._changed.wait(left)
                return not session.is_stopping
            finally:
                session.attend(False)

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything was answered. Whether it was, within ``timeout`` seconds."""
        limit = self._options.close_timeout if timeout is None else timeout
        with self._lock:
            self._desk.session.hurry()
            self._wake()
            # Nothing was said by a child since it was forked.
            if self._thread is None:
                return True
            self._changed.wait_for(lambda: self._desk.session.is_settled, limit)
            return self._desk.session.is_settled

    def close(self, timeout: float | None = None) -> bool:
        """Waits for what is left and ends the sending. Whether everything was answered in time.

        What was not stays in the spool, if there is one. Nothing is said about the job's end.
        """
        limit = self._options.close_timeout if timeout is None else timeout
        with self._lock:
            if self._closed:
                return self._settled
            session = self._desk.session
            session.hurry()
            self._wake()
            if self._thread is not None:
                self._changed.wait_for(lambda: session.is_settled or session.is_stuck, limit)
            settled = self._leave()
        self._desk.tell()
        self._connection.abort()
        _LIVE.discard(self)
        return settled

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if os.getpid() != self._owner:
            # A forked process left the block: the job is its parent's to end.
            self.close()
            return False
        stopped = self._say_end(error)
        self.close()
        return stopped

    def _prepare(self) -> None:
        self._changed = threading.Condition(self._lock)
        self._connection = Connection(self._address)
        self._thread: threading.Thread | None = None

    def _begin(self, identity: Identity) -> None:
        self._open(identity)
        parts = (self._desk, self._changed, self._connection, self._token, self._options, self._over)
        self._thread = threading.Thread(target=_send, args=parts, name=f"headway {identity.job}", daemon=True)
        self._thread.start()
        _LIVE.add(self)

    def _over(self) -> None:
        """There is nothing more to send, for good: whoever never closes it leaves nothing open."""
        self._leave()
        _LIVE.discard(self)

    def _before_report(self) -> None:
        if self._thread is None:
            self._begin(self._desk.session.identity)

    def _wake(self) -> None:
        self._changed.notify_all()

    def _after_fork(self) -> None:
        """In a child: a name of its own, and a queue, a spool and a thread with the first report.

        What waits is the parent's to send, and so are its locks, of which nobody knows who held them.
        """
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        if self._closed:
            return
        if self._desk.spool is not None:
            self._desk.spool.close()
        before = self._desk.session.identity
        identity = Identity(before.job, identity_of("fork", None, {}).producer, before.create, before.named)
        asks = self._token.can_change
        session = ReportSession(identity, self._options, acknowledges=self._acknowledges, asks=asks)
        self._connection = Connection(self._address)
        self._desk = Desk(session, None, self._address.url, 0)
        self._thread = None
        _LIVE.discard(self)


def _send(
    desk: Desk,
    changed: threading.Condition,
    connection: Connection,
    token: Token,
    options: ReportOptions,
    over: Callable[[], None],
) -> None:
    """Runs a session until it is over and nobody waits for anything."""
    session = desk.session
    while True:
        with changed:
            if session.stage is Stage.OVER:
                changed.notify_all()
                desk.keep()
                over()
                break
            now = time.monotonic()
            if session.asks_token(now):
                session.handle_token()
            sending = session.poll_request(now)
            if sending is None:
                deadline = session.next_deadline()
                changed.wait(None if deadline is None else max(deadline - now, 0.0))
                continue
        told = exchange(sending, connection, token, options.request_timeout)
        with changed:
            told(session, time.monotonic(), random.random())
            desk.keep()
            desk.tidy()
            changed.notify_all()
        desk.tell()
    connection.close()
    desk.tell()


@atexit.register
def _close_all() -> None:
    """At the end of the program: a bounded time for all together."""
    live = list(_LIVE)
    deadline = time.monotonic() + max((one._options.close_timeout for one in live), default=0.0)
    for reporter in live:
        reporter.close(max(deadline - time.monotonic(), 0.0))


def _forked() -> None:
    for reporter in list(_LIVE):
        reporter._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
