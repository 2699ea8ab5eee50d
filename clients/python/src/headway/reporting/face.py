"""What reporters of threads and of asyncio have in common."""

from __future__ import annotations

import os
import ssl
import threading
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from ..errors import HeadwayError, JobCancelled
from ..http.address import Address, server_address
from ..http.exchange import Token, TokenSource, token_or_own
from .begin import Desk, JobOptions, identity_of, known
from .courier import recover
from .journal import Identity
from .options import ReportOptions
from .queue import Event
from .reports import Reports, failure
from .spool import orphans
from .terms import Command, Counts, Notice

if TYPE_CHECKING:
    # Python 3.12 has it; type checkers know it everywhere.
    from typing_extensions import Unpack

__all__ = ["Face"]


_Face = TypeVar("_Face", bound="Face")


class Face(Reports):
    """A reporter, whoever sends for it: a session, its lock, and what is known of the job."""

    _desk: Desk

    def __init__(
        self,
        identity: Identity,
        address: Address,
        token: Token,
        *,
        spool: str | os.PathLike[str] | None,
        options: ReportOptions,
        stall_after: float | None,
        acknowledge: Literal["auto", "by_hand"],
        strict: bool,
    ) -> None:
        super().__init__(strict=strict)
        self._address = address
        self._token = token
        self._options = options
        self._stall_after = stall_after
        self._acknowledges = acknowledge == "auto"
        self._folder = None if spool is None else Path(spool)
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._closed = False
        self._settled = False
        self._prepare()
        self._begin(identity)

    @classmethod
    def job(
        cls: type[_Face],
        kind: str | None = None,
        *,
        id: str | None = None,
        url: str | None = None,
        token: TokenSource = None,
        tls: ssl.SSLContext | None = None,
        spool: str | os.PathLike[str] | None = None,
        acknowledge: Literal["auto", "by_hand"] = "auto",
        strict: bool = False,
        options: ReportOptions | None = None,
        **job: Unpack[JobOptions],
    ) -> _Face:
        """Begins to report on a job: one of this kind that is made, or without a kind the one of this id.

        With both, it is made unless it is there. The job is made in the background too: this returns at
        once, also when there is no server.

        :param url: the server; the variable ``HEADWAY_URL`` unless said.
        :param token: a token, or who gives one; that of the environment unless said.
        :param spool: a folder on a local disk where reports wait that were not acknowledged, so that they
            outlive a crash of this process. What an earlier process left there is sent first.
        :param acknowledge: whether commands are answered as they are carried out, or by `acknowledge`.
        :param strict: whether wrong arguments raise `ValueError` instead of being logged.
        :param job: members of the request that makes the job, such as ``session`` or ``stall_after_ms``.
        :raises ValueError: for an address, an id or options that cannot be.
        :raises TypeError: for members that a job does not have, or that are no JSON.
        """
        known(job)
        stall = job.get("stall_after_ms")
        return cls(
            identity_of(kind, id, job),
            server_address(url, tls),
            token_or_own(token),
            spool=spool,
            options=options or ReportOptions(),
            stall_after=None if stall is None else stall / 1000,
            acknowledge=acknowledge,
            strict=strict,
        )

    @property
    def id(self) -> str:
        """The job's id, known before the job is made."""
        return self._desk.session.identity.job

    @property
    def status(self) -> str | None:
        """The job's status as the server last said; ``None`` before it was heard."""
        with self._lock:
            return self._desk.session.status

    @property
    def cancelled(self) -> bool:
        """Whether the work is not wanted any more: it was cancelled, or its time is up."""
        with self._lock:
            return self._desk.session.is_stopping

    @property
    def paused(self) -> bool:
        """Whether the work is to stand still."""
        with self._lock:
            return self._desk.session.is_pausing

    @property
    def commands(self) -> tuple[Command, ...]:
        """What waits for the worker, as the server last said."""
        with self._lock:
            return self._desk.session.commands

    @property
    def counts(self) -> Counts:
        """How many reports were acknowledged, dropped and refused, and left in the spool."""
        with self._lock:
            counts = self._desk.session.counts
            return Counts(counts.acknowledged, counts.dropped, counts.refused, counts.spooled)

    @property
    def error(self) -> HeadwayError | None:
        """Why nothing is sent any more; ``None`` while all is well."""
        with self._lock:
            return self._desk.session.error

    def raise_if_cancelled(self) -> None:
        """Leaves the work when it is not wanted any more.

        :raises JobCancelled: then.
        """
        if self.cancelled:
            raise JobCancelled(f"job {self.id} is to stop")

    def acknowledge(self, command: Command | str) -> None:
        """Says that a command was carried out; for reporters made with ``acknowledge="by_hand"``."""
        with self._lock:
            self._desk.session.acknowledge(command if isinstance(command, str) else command.id)
            self._desk.keep()
            self._wake()

    @abstractmethod
    def _prepare(self) -> None:
        """Makes what whoever sends needs."""

    @abstractmethod
    def _begin(self, identity: Identity) -> None:
        """Begins to send."""

    def _open(self, identity: Identity) -> None:
        """Takes up what earlier runs left, if anything, and says that the work begins."""
        self._desk = Desk.open(
            identity,
            self._address.url,
            self._folder,
            self._options,
            stall_after=self._stall_after,
            acknowledges=self._acknowledges,
            asks=self._token.can_change,
        )
        self._desk.session.report({"type": "start"})
        self._desk.keep()
        # Looked for now, so that what this reporter leaves is not taken for what others left.
        left = [] if self._folder is None else orphans(self._folder)
        if left:
            parts = (left, self._address, self._token, self._options)
            threading.Thread(target=recover, args=parts, name="headway spool", daemon=True).start()

    def _say_end(self, error: BaseException | None) -> bool:
        """Says how a block ended, unless the worker has said so. Whether it was stopped by `JobCancelled`."""
        stopped = isinstance(error, JobCancelled)
        with self._lock:
            session = self._desk.session
            if session.is_finished:
                return stopped
            if stopped or (error is None and session.is_stopping and self._acknowledges):
                session.acknowledge_all("cancel")
                self._desk.keep()
                self._wake()
                return stopped
        if error is None:
            self.complete()
        else:
            self.fail(**failure(error))
        return False

    def _leave(self) -> bool:
        """Lets go of what is left, for good or for the next run. Whether nothing was. The lock is held."""
        if self._closed:
            return self._settled
        session = self._desk.session
        self._settled = settled = session.is_settled
        self._closed = True
        self._desk.keep()
        waiting, kept = len(session.waiting), self._desk.spool is not None
        self._desk.leave()
        session.close(spooled=kept)
        self._wake()
        if waiting:
            where = "wait in the spool for the next run" if kept else "were not sent and are lost"
            self._desk.news.append(Notice("warning", f"job {self.id}: {waiting} reports {where}"))
        return settled

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.id} at {self._address.url}>"

    @abstractmethod
    def _wake(self) -> None:
        """Has whoever sends look at what there is to send. The lock is held."""

    def _before_report(self) -> None:
        """Something is about to be said. The lock is held."""

    def _take(self, event: Event) -> bool:
        with self._lock:
            self._before_report()
            taken = self._desk.session.report(event)
            self._desk.keep()
            self._desk.tidy()
            if not self._closed:
                self._wake()
        self._desk.tell()
        return taken

    def _refuse(self) -> None:
        with self._lock:
            self._desk.session.counts.refused += 1

    def _cannot_end(self, kind: str, detail: str) -> None:
        with self._lock:
            if not self._desk.session.is_finished:
                self._desk.session.failed_to_say(kind, detail)
                self._desk.keep()
                self._wake()
