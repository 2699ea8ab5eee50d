"""Reporting from asyncio: a session under a task.

Reports are plain calls, from the loop's thread or from others: they take a place in the queue and return.
Only what waits is awaited.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from types import TracebackType

from ..errors import HeadwayError
from ..http.aio import AsyncConnection
from .begin import token_to_show
from .face import Face
from .journal import Identity
from .terms import Sending, Stage

__all__ = ["AsyncReporter"]


class AsyncReporter(Face):
    """Reports on one job without ever waiting for the server. Made by `AsyncReporter.job`, inside a loop.

    As an ``async with`` block it ends the job: completed at the end of the block, failed by an exception,
    which goes on, and cancelled by `JobCancelled`, which ends there. A loop that is kept busy keeps reports
    back: work that does so is better reported on by `Reporter`, which has a thread.
    """

    async def wait_while_paused(self, timeout: float | None = None) -> bool:
        """Stands still while the job is paused. Whether the work may go on.

        The pause is acknowledged when the worker comes here, so that people see that it stands still. False
        when the job was cancelled, or ``timeout`` seconds have passed.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        session = self._desk.session
        session.attend(True)
        self._wake()
        try:
            while True:
                with self._lock:
                    if not session.is_pausing or session.stage is Stage.OVER or self._closed:
                        return not session.is_stopping
                    if self._acknowledges:
                        session.acknowledge_all("pause")
                        self._desk.keep()
                    changed = self._changed
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)
        finally:
            session.attend(False)

    async def flush(self, timeout: float | None = None) -> bool:
        """Waits until everything was answered. Whether it was, within ``timeout`` seconds."""
        return await self._settle(timeout, stuck_is_enough=False)

    async def close(self, timeout: float | None = None) -> bool:
        """Waits for what is left and ends the sending. Whether everything was answered in time.

        What was not stays in the spool, if there is one. Nothing is said about the job's end.
        """
        if not self._closed:
            try:
                await self._settle(timeout, stuck_is_enough=True)
            finally:
                with self._lock:
                    settled = self._leave()
                self._desk.tell()
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
                self._connection.close()
            return settled
        return self._settled

    async def __aenter__(self) -> AsyncReporter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        stopped = self._say_end(error)
        await self.close()
        return stopped

    def _prepare(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._connection = AsyncConnection(self._address)

    def _begin(self, identity: Identity) -> None:
        self._open(identity)
        self._task = self._loop.create_task(self._send(), name=f"headway {identity.job}")

    def _wake(self) -> None:
        # A loop that was closed has nobody left who could look.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _settle(self, timeout: float | None, *, stuck_is_enough: bool) -> bool:
        limit = self._options.close_timeout if timeout is None else timeout
        end = time.monotonic() + limit
        session = self._desk.session
        with self._lock:
            session.hurry()
        self._wake()
        while True:
            with self._lock:
                if session.is_settled:
                    return True
                if stuck_is_enough and session.is_stuck:
                    return False
                changed = self._changed
            left = end - time.monotonic()
            if left <= 0:
                return False
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), left)

    async def _send(self) -> None:
        """Runs the session until it is over."""
        session = self._desk.session
        while True:
            with self._lock:
                if session.stage is Stage.OVER:
                    self._desk.keep()
                    self._tell()
                    return
                now = time.monotonic()
                if session.asks_token(now):
                    session.handle_token()
                sending = session.poll_request(now)
                changed = self._changed
            if sending is None:
                deadline = session.next_deadline()
                left = None if deadline is None else max(deadline - now, 0.0)
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), left)
                continue
            await self._exchange(sending)
            with self._lock:
                self._desk.keep()
                self._desk.tidy()
            self._tell()
            self._desk.tell()

    async def _exchange(self, sending: Sending) -> None:
        """Sends a request and tells the session what became of it."""
        session = self._desk.session
        shown, missing = token_to_show(self._token)
        if missing is not None:
            with self._lock:
                session.handle_no_token(missing, time.monotonic())
            return
        try:
            answer = await self._connection.exchange(sending.request, shown, self._options.request_timeout)
        except Exception as error:
            reason = error.detail if isinstance(error, HeadwayError) else f"{type(error).__name__}: {error}"
            with self._lock:
                session.handle_failure(reason, time.monotonic(), random.random())
        else:
            with self._lock:
                session.handle_answer(answer, time.monotonic(), random.random())
