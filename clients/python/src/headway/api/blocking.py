"""A server, asked and watched from a thread that may wait."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from ..documents import (
    ErrorGroups,
    Estimate,
    Event,
    HistoryPage,
    Item,
    ItemPage,
    Job,
    JobPage,
    Kind,
    RecordPage,
    ReportReply,
    Timings,
)
from ..http.address import server_address
from ..http.ask import Asker
from ..http.exchange import Request, TokenSource, token_or_own
from ..watching.blocking import Watch
from ..watching.connection import TransportName
from ..watching.face import TRANSPORTS, available
from ..watching.selection import Selection
from . import calls
from .upload import upload
from .watches import Watches

__all__ = ["Batches", "Headway", "Jobs"]


class _Commands:
    """What may be asked of jobs and batches; the answer is the document as it is then."""

    _collection: Literal["jobs", "batches"]

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    def get(self, id: str) -> Job:
        """The document."""
        return cast(Job, self._read(calls.document(self._collection, id)))

    def cancel(self, id: str) -> Job:
        """Stop for good."""
        return self._command(id, "cancel")

    def pause(self, id: str) -> Job:
        """Stand still."""
        return self._command(id, "pause")

    def resume(self, id: str, *, max_budget: str | None = None) -> Job:
        """Go on, with a new largest amount if there is one."""
        return self._command(id, "resume", max_budget=max_budget)

    def _command(self, id: str, action: str, **body: Any) -> Job:  # noqa: ANN401
        return cast(Job, self._read(calls.command(self._collection, id, action, body)))

    def _read(self, request: Request) -> Any:  # noqa: ANN401
        return calls.read(request, self._asker.whole(request))


class Jobs(_Commands):
    """Jobs: made, looked at, reported on, commanded."""

    _collection = "jobs"

    def create(self, kind: str, *, idempotency_key: str | None = None, **job: Any) -> Job:  # noqa: ANN401
        """Makes a job; the members are those of ``POST /api/v1/jobs``.

        With a key, a repeat finds what the first made.
        """
        return cast(Job, self._read(calls.create_job({"kind": kind, **job}, idempotency_key)))

    def list(
        self,
        *,
        status: Sequence[str] | None = None,
        kind: str | None = None,
        session: str | None = None,
        tag: str | None = None,
        text: str | None = None,
        page: str | None = None,
        limit: int | None = None,
    ) -> JobPage:
        """A page of jobs, newest first; ``page`` is the ``next`` of the one before."""
        return cast(JobPage, self._read(calls.list_jobs(status, kind, session, tag, text, page, limit)))

    def all(
        self,
        *,
        status: Sequence[str] | None = None,
        kind: str | None = None,
        session: str | None = None,
        tag: str | None = None,
        text: str | None = None,
    ) -> Iterator[Job]:
        """Every job of a list, newest first."""
        page: str | None = None
        while True:
            found = self.list(status=status, kind=kind, session=session, tag=tag, text=text, page=page)
            yield from found["jobs"]
            page = found.get("next")
            if page is None:
                return

    def history(
        self,
        id: str,
        *,
        after: str | None = None,
        before: str | None = None,
        types: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> HistoryPage:
        """A page of a job's events, oldest first.

        ``after`` is a cursor; ``next`` of a page is the one for the page that follows. ``before`` is a cursor
        too, or ``latest`` for the newest events, and ``previous`` that for the page before. With ``types``,
        such as ``["log"]``, a page may be empty and have such a cursor all the same.
        """
        return cast(HistoryPage, self._read(calls.history(id, after, before, types, limit)))

    def events(
        self, id: str, *, after: str | None = None, types: Sequence[str] | None = None
    ) -> Iterator[Event]:
        """Every event of a job up to now, oldest first; with ``types``, those alone."""
        while True:
            found = self.history(id, after=after, types=types, limit=1000)
            yield from found["events"]
            after = found.get("next")
            if after is None:
                return

    def records(self, id: str, *, after: str | None = None, limit: int | None = None) -> RecordPage:
        """A page of how a job's document changed, oldest first: merge patches, to see its past."""
        return cast(RecordPage, self._read(calls.records(id, after, limit)))

    def report(
        self,
        id: str,
        events: Sequence[Event],
        *,
        producer: tuple[str, int] | None = None,
    ) -> ReportReply:
        """Tells what a job's work has done, and waits for the answer.

        ``producer`` is a name and the number of this request: a repeat changes nothing. Workers that must
        not wait use `Reporter`.
        """
        return cast(ReportReply, self._read(calls.report(id, events, producer)))

    def retry(self, id: str) -> Job:
        """Another attempt."""
        return self._command(id, "retry")


class Batches(_Commands):
    """Batches: made of a list or a file, looked at, commanded, read out."""

    _collection = "batches"

    def create(
        self,
        items: Sequence[Any],
        *,
        idempotency_key: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Makes a batch of these items; the options are those of ``POST /api/v1/batches``."""
        return cast(Job, self._read(calls.create_batch({**options, "items": items}, idempotency_key)))

    def upload(
        self,
        file: str | os.PathLike[str],
        *,
        idempotency_key: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Job:
        """Makes a batch of a file, JSONL or CSV in UTF-8, which is sent as it is read."""
        request = upload("/api/v1/batches", Path(file), options, idempotency_key)
        return cast(Job, self._read(request))

    def estimate(self, items: Sequence[Any], **options: Any) -> Estimate:  # noqa: ANN401
        """What a batch would cost; nothing is made."""
        return cast(Estimate, self._read(calls.estimate({**options, "items": items})))

    def estimate_file(self, file: str | os.PathLike[str], **options: Any) -> Estimate:  # noqa: ANN401
        """What a batch of a file would cost."""
        return cast(Estimate, self._read(upload("/api/v1/estimates", Path(file), options, None)))

    def items(
        self,
        id: str,
        *,
        status: Sequence[str] | None = None,
        error: str | None = None,
        after: int | None = None,
        limit: int | None = None,
    ) -> ItemPage:
        """A page of items, by index; ``after`` is the ``next`` of the one before."""
        return cast(ItemPage, self._read(calls.items(id, status, error, after, limit)))

    def all_items(
        self,
        id: str,
        *,
        status: Sequence[str] | None = None,
        error: str | None = None,
    ) -> Iterator[Item]:
        """Every item, by index."""
        after: int | None = None
        while True:
            found = self.items(id, status=status, error=error, after=after)
            yield from found["items"]
            after = found.get("next")
            if after is None:
                return

    def errors(self, id: str, *, limit: int | None = None) -> ErrorGroups:
        """Why items failed, alike ones together, the largest groups first."""
        return cast(ErrorGroups, self._read(calls.errors(id, limit)))

    def timings(self, id: str, *, points: int | None = None) -> Timings:
        """How many items finished when, and how long they took."""
        return cast(Timings, self._read(calls.timings(id, points)))

    def results(self, id: str, *, status: Sequence[str] | None = None) -> Iterator[Item]:
        """Every item with what came of it, by index, read as it comes in one answer."""
        lines = calls.Lines()
        for piece in self._file(id, "jsonl", status):
            yield from lines.push(piece)
        yield from lines.push(b"")

    def save_results(
        self,
        id: str,
        file: str | os.PathLike[str],
        *,
        format: Literal["jsonl", "csv"] = "jsonl",
        status: Sequence[str] | None = None,
    ) -> None:
        """Writes the results into a file."""
        with Path(file).open("wb") as target:
            for piece in self._file(id, format, status):
                target.write(piece)

    def retry(
        self,
        id: str,
        *,
        status: Literal["failed", "cancelled", "expired", "unfinished"] | None = None,
        items: Sequence[int] | None = None,
    ) -> Job:
        """Another attempt over the items that failed, or those of another status, or of these indexes."""
        return self._command(id, "retry", status=status, items=items)

    def _file(self, id: str, form: str, status: Sequence[str] | None) -> Iterator[bytes]:
        answer = self._asker.streamed(calls.results(id, status, form))
        try:
            yield from answer.pieces(self._asker.timeout)
        finally:
            answer.close()


class Headway(Watches[Watch]):
    """A server. It can be shared by threads, and holds no connection between two questions.

    :param url: the server; the variable ``HEADWAY_URL`` unless said.
    :param token: a token, or who gives one; that of the environment unless said.
    :param timeout: seconds for one answer; of what is streamed, either way, for each piece of it.
    :param transports: ways to watch, best first: ``events`` and ``poll``, and with the extra ``websocket``
        that one too.
    :raises ValueError: for an address that is none, or a transport that there is not.
    """

    def __init__(
        self,
        url: str | None = None,
        token: TokenSource = None,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = 30.0,
        transports: Sequence[TransportName] = TRANSPORTS,
    ) -> None:
        self._asker = Asker(server_address(url, tls), token_or_own(token), timeout)
        self._transports = available(transports)
        self.jobs = Jobs(self._asker)
        self.batches = Batches(self._asker)

    def kinds(self) -> list[Kind]:
        """The configured types of job, by name."""
        request = calls.kinds()
        return cast(list[Kind], calls.read(request, self._asker.whole(request))["kinds"])

    def wait(self, job: str) -> Job:
        """Waits for a job's end, and gives its document."""
        with self.watch(job) as watch:
            document: Mapping[str, Any] = {}
            for change in watch:
                document = change.job
            return cast(Job, document)

    def __repr__(self) -> str:
        return f"<Headway at {self._asker.address.url}>"

    def _watch(self, selection: Selection) -> Watch:
        return Watch(self._asker.address, self._asker.token, selection, self._transports)
