"""Carries what sessions have to send, from threads that may wait."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from ..errors import HeadwayError
from ..http.address import Address
from ..http.blocking import Connection
from ..http.exchange import Answer, Token
from .begin import Desk, token_to_show
from .options import ReportOptions
from .reports import LOG
from .session import ReportSession
from .spool import Spool
from .terms import Sending, Stage

__all__ = ["exchange", "recover"]


def exchange(
    sending: Sending, connection: Connection, token: Token, timeout: float
) -> Callable[[ReportSession, float, float], None]:
    """Sends a request, and gives what to tell the session of it."""
    shown, missing = token_to_show(token)
    if missing is not None:
        reason = missing
        return lambda session, now, chance: session.handle_no_token(reason, now)
    try:
        answer: Answer = connection.exchange(sending.request, shown, timeout)
    except HeadwayError as error:
        reason = error.detail
        return lambda session, now, chance: session.handle_failure(reason, now, chance)
    except Exception as error:
        connection.close()
        reason = f"{type(error).__name__}: {error}"
        return lambda session, now, chance: session.handle_failure(reason, now, chance)
    return lambda session, now, chance: session.handle_answer(answer, now, chance)


def recover(left: list[Spool], address: Address, token: Token, options: ReportOptions) -> None:
    """Sends what earlier processes left behind."""
    for spool in left:
        desk = Desk.orphan(spool, address.url, options)
        if desk is None:
            continue
        changed = threading.Condition()
        connection = Connection(address)
        session = desk.session
        LOG.info("job %s: %d reports of an earlier run are sent", session.identity.job, len(session.waiting))
        while not session.is_settled:
            now = time.monotonic()
            if session.stage is Stage.SHUT_OUT:
                break
            sending = session.poll_request(now)
            if sending is None:
                deadline = session.next_deadline()
                with changed:
                    changed.wait(1.0 if deadline is None else max(deadline - now, 0.0))
                continue
            exchange(sending, connection, token, options.request_timeout)(
                session, time.monotonic(), random.random()
            )
            desk.keep()
            desk.tell()
        desk.leave()
        connection.close()
