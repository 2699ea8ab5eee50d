"""Work that a server does not take for now is brought again when it says so.

A server that is woken late takes no new work for some seconds. That happens on a machine that has others to
do as well, and no test here is about it. What bounds the test bounds this too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from headway.http.aio import AsyncAsker, AsyncStreamed
from headway.http.ask import Asker
from headway.http.blocking import Streamed
from headway.http.exchange import Request

__all__ = ["ask_patiently"]

_once = Asker._once
_async_once = AsyncAsker._once


def ask_patiently() -> None:
    """From now on `Headway` and `AsyncHeadway` of this process ask again when they were told when to."""
    Asker._once = _patient_once  # type: ignore[assignment, method-assign]
    AsyncAsker._once = _patient_async_once  # type: ignore[assignment, method-assign]


def _patient_once(asker: Asker, request: Request, token: str | None) -> Streamed:
    while True:
        answer = _once(asker, request, token)
        pause = _pause(answer.status, answer.headers)
        if pause is None:
            return answer
        answer.close()
        time.sleep(pause)


async def _patient_async_once(asker: AsyncAsker, request: Request, token: str | None) -> AsyncStreamed:
    while True:
        answer = await _async_once(asker, request, token)
        pause = _pause(answer.status, answer.headers)
        if pause is None:
            return answer
        answer.close()
        await asyncio.sleep(pause)


def _pause(status: int, headers: Mapping[str, str]) -> float | None:
    """Seconds until the server wants to be asked again; ``None`` when it does not say so."""
    after = headers.get("retry-after")
    return float(after) if status == 503 and after is not None else None
