"""Where a reporter begins: the request that makes its job, and the session with its spool."""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from ..http.address import token_of
from ..http.exchange import Token
from .journal import Identity, head_line
from .options import ReportOptions
from .queue import text_of
from .reports import LOG
from .session import ReportSession
from .spool import Spool, claim
from .terms import Notice, Stage

__all__ = ["Desk", "JobOptions", "identity_of", "known", "token_to_show"]

_NAME = re.compile(r"[A-Za-z0-9_\-.:~]{1,128}\Z")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LEVELS = {"error": logging.ERROR, "warning": logging.WARNING, "info": logging.INFO}
_TIDY_BYTES = 64 * 1024
"""A spool in which nothing waits is written anew from this size on."""


class JobOptions(TypedDict, total=False):
    """Members of the request that makes a job; see ``POST /api/v1/jobs``."""

    name: str
    session: str
    tags: list[str]
    metadata: Mapping[str, Any]
    steps: Mapping[str, Mapping[str, Any]]
    budget: Mapping[str, Any]
    total: int
    unit: str
    stall_after_ms: int
    expires_after_ms: int
    webhook: Mapping[str, Any]
    subject: str
    input: Any


def identity_of(kind: str | None, job: str | None, options: JobOptions) -> Identity:
    """Who reports on what: on a job to be made, or without a kind on one that is there.

    :raises ValueError: without a kind and an id, with an id that no job can have, or with options that
        JSON cannot carry.
    :raises TypeError: with options that are no JSON.
    """
    if job is None and kind is None:
        raise ValueError("say a kind to make a job, or the id of one that is there")
    if job is not None and (not _NAME.match(job) or job in (".", "..")):
        raise ValueError("an id has 1 to 128 of A-Z a-z 0-9 _ - . : ~")
    name = job or _new_name()
    producer = f"python-{secrets.token_hex(12)}"
    create = None
    if kind is not None:
        create = {
            "kind": kind,
            "id": name,
            **{key: value for key, value in options.items() if value is not None},
        }
        # A copy, which whoever gave the options cannot change: it is written later, by another thread.
        create = json.loads(text_of(create).encode())
    return Identity(name, producer, create, job is not None)


def _new_name() -> str:
    """A job's name that is in the order of time among others, as the server makes them."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "job_" + "".join(_ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))


@dataclass(slots=True)
class Desk:
    """A session and its spool, under one lock of whoever owns it.

    A spool that cannot be written is given up, once and aloud: reports then wait in memory alone. What there
    is to tell is told by `tell`, without the lock: whoever writes logs may be slow, and must not hold up the
    work.
    """

    session: ReportSession
    spool: Spool | None
    url: str
    limit: int
    news: deque[Notice] = field(default_factory=deque)

    @classmethod
    def open(
        cls,
        identity: Identity,
        url: str,
        folder: str | os.PathLike[str] | None,
        options: ReportOptions,
        *,
        stall_after: float | None,
        acknowledges: bool,
        asks: bool,
    ) -> Desk:
        """Begins, or goes on where an earlier run on the same job was when it ended."""

        def fresh(spool: Spool | None) -> Desk:
            session = ReportSession(
                identity, options, stall_after=stall_after, acknowledges=acknowledges, asks=asks
            )
            desk = cls(session, spool, url, 2 * options.queue_bytes)
            desk.tidy(always=True)
            return desk

        if folder is None:
            return fresh(None)
        try:
            spool = claim(Path(folder), identity.job, url)
            left = spool.read()
        except OSError as error:
            LOG.error("job %s: no spool, reports wait in memory alone: %s", identity.job, error)
            return fresh(None)
        if left is None:
            if spool.size > 0:
                LOG.error("job %s: what is in its spool cannot be read and is set aside", identity.job)
                spool.set_aside()
            return fresh(spool)
        session = ReportSession.restored(
            left, options, stall_after=stall_after, acknowledges=acknowledges, asks=asks
        )
        if session.is_finished:
            # What ended the earlier run's job is still on its way. This one is another attempt.
            LOG.warning("job %s: an earlier run had ended it, and that was not sent yet", identity.job)
        desk = cls(session, spool, url, 2 * options.queue_bytes)
        desk.tidy(always=True)
        return desk

    @classmethod
    def orphan(cls, spool: Spool, url: str, options: ReportOptions) -> Desk | None:
        """What an earlier run left behind for this server, ``None`` when that is nothing."""
        try:
            left = spool.read()
        except OSError:
            spool.close()
            return None
        if left is not None and left.url == url and left.entries:
            session = ReportSession.restored(left, options, acknowledges=False)
            return cls(session, spool, url, 2 * options.queue_bytes)
        if left is not None and left.url != url:
            spool.close()
        elif left is None and spool.size > 0:
            LOG.error("a spool cannot be read and is set aside: %s", spool.path.name)
            spool.set_aside()
            spool.close()
        else:
            spool.remove()
        return None

    def keep(self) -> None:
        """Writes what is new. With the lock."""
        lines = list(iter(self.session.poll_line, None))
        if lines and self.spool is not None:
            self._write(lambda spool: spool.append(lines))
        self.news.extend(iter(self.session.poll_notice, None))

    def tell(self) -> None:
        """Tells whoever runs the worker what is new. Without the lock."""
        while True:
            try:
                notice = self.news.popleft()
            except IndexError:
                return
            # A handler that raises is for whoever wrote it to find, and not in the middle of the work.
            with suppress(Exception):
                LOG.log(_LEVELS[notice.level], "%s", notice.message)

    def tidy(self, *, always: bool = False) -> None:
        """Writes the spool anew when it has grown beyond its bound, or nothing waits in it."""
        session, spool = self.session, self.spool
        if spool is None:
            return
        idle = len(session.waiting) == 0 and spool.size > _TIDY_BYTES
        if always or idle or spool.size > self.limit:
            head = head_line(session.identity, self.url, made=session.made, next_seq=session.waiting.next_seq)
            lines = [head, *(entry.text for entry in session.waiting)]
            self._write(lambda spool: spool.rewrite(lines))
            # What waits is at most half of it: the next time is a long way off, however large one report is.
            self.limit = max(self.limit, 2 * spool.size)

    def leave(self) -> None:
        """Lets the spool go: away with it when nothing waits, else for the next run."""
        spool, self.spool = self.spool, None
        if spool is None:
            return
        if len(self.session.waiting) == 0 and (self.session.made or self.session.stage is Stage.OVER):
            spool.remove()
        else:
            spool.close()

    def _write(self, write: Callable[[Spool], None]) -> None:
        spool = self.spool
        if spool is None:
            return
        try:
            write(spool)
        except OSError as error:
            self.spool = None
            job = self.session.identity.job
            message = f"job {job}: the spool is given up, reports wait in memory alone: {error}"
            self.news.append(Notice("error", message))
            with suppress(OSError):
                spool.close()


def token_to_show(source: Token) -> tuple[str | None, str | None]:
    """The token to show now, and why there is none if nobody could be asked."""
    try:
        return token_of(source.current()), None
    except Exception as error:
        return None, f"no token could be had ({type(error).__name__})"


def known(names: Iterable[str]) -> None:
    """Holds names of job options against those that there are.

    :raises TypeError: naming those that there are not.
    """
    strange = sorted(set(names) - set(JobOptions.__annotations__))
    if strange:
        raise TypeError(f"{', '.join(strange)}: no options of a job")
