"""Which request each question is, and how its answer is read: the same for threads and for asyncio."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from ..documents import Event
from ..errors import HeadwayError
from ..http.exchange import Answer, Request

__all__ = [
    "Lines",
    "cancel",
    "command",
    "create_batch",
    "create_job",
    "document",
    "errors",
    "estimate",
    "history",
    "items",
    "kinds",
    "list_jobs",
    "read",
    "records",
    "report",
    "results",
    "timings",
]

_JSON = {"Content-Type": "application/json"}
_LINE_BYTES = 4 * 1024 * 1024
"""The longest line of a result that is read: an output of 1 MiB with its escapes."""


def read(request: Request, answer: Answer) -> Any:  # noqa: ANN401 - the caller knows what it asked for
    """The JSON of an answer that is no refusal.

    :raises HeadwayError: for what is no JSON.
    """
    try:
        return json.loads(answer.body)
    except ValueError as error:
        path = request.path.partition("?")[0]
        detail = f"the answer to {request.method} {path} is not JSON: is there a Headway server?"
        raise HeadwayError(detail, status=answer.status) from error


def create_job(job: Mapping[str, Any], key: str | None) -> Request:
    """Makes a job."""
    return _post("/api/v1/jobs", job, {} if key is None else {"Idempotency-Key": key})


def document(collection: str, name: str) -> Request:
    """The document of a job or a batch."""
    return Request("GET", _path(collection, name))


def list_jobs(
    status: Sequence[str] | None,
    kind: str | None,
    session: str | None,
    tag: str | None,
    text: str | None,
    page: str | None,
    limit: int | None,
) -> Request:
    """A page of jobs."""
    query = {"kind": kind, "session": session, "tag": tag, "text": text, "page": page, "limit": limit}
    return Request("GET", "/api/v1/jobs" + _query({"status": _list(status), **query}))


def history(
    name: str, after: str | None, before: str | None, types: Sequence[str] | None, limit: int | None
) -> Request:
    """A page of a job's events."""
    query = {"after": after, "before": before, "types": _list(types), "limit": limit}
    return Request("GET", _path("jobs", name, "events") + _query(query))


def records(name: str, after: str | None, limit: int | None) -> Request:
    """A page of how a job's document changed."""
    return Request("GET", _path("jobs", name, "records") + _query({"after": after, "limit": limit}))


def errors(name: str, limit: int | None) -> Request:
    """Why items of a batch failed."""
    return Request("GET", _path("batches", name, "errors") + _query({"limit": limit}))


def timings(name: str, points: int | None) -> Request:
    """How many items of a batch finished when."""
    return Request("GET", _path("batches", name, "timings") + _query({"points": points}))


def kinds() -> Request:
    """The configured types of job."""
    return Request("GET", "/api/v1/kinds")


def report(name: str, events: Sequence[Event], producer: tuple[str, int] | None) -> Request:
    """Events of a job."""
    headers = {} if producer is None else {"Producer-Id": producer[0], "Producer-Seq": str(producer[1])}
    return _post(_path("jobs", name, "events"), list(events), headers)


def command(collection: str, name: str, action: str, body: Mapping[str, Any]) -> Request:
    """A command."""
    said = {member: value for member, value in body.items() if value is not None}
    return _post(_path(collection, name, action), said, {})


def cancel(collection: str, name: str) -> Request:
    """The command to stop."""
    return command(collection, name, "cancel", {})


def create_batch(batch: Mapping[str, Any], key: str | None) -> Request:
    """Makes a batch with its items in the request."""
    return _post("/api/v1/batches", batch, {} if key is None else {"Idempotency-Key": key})


def estimate(batch: Mapping[str, Any]) -> Request:
    """What a batch would cost."""
    return _post("/api/v1/estimates", batch, {})


def items(
    name: str, status: Sequence[str] | None, error: str | None, after: int | None, limit: int | None
) -> Request:
    """A page of items."""
    query = {"status": _list(status), "error": error, "after": after, "limit": limit}
    return Request("GET", _path("batches", name, "items") + _query(query))


def results(name: str, status: Sequence[str] | None, form: str) -> Request:
    """The results as a file."""
    query = _query({"status": _list(status), "format": form})
    return Request("GET", _path("batches", name, "results") + query)


class Lines:
    """Cuts bytes that come in pieces into lines of JSON."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, piece: bytes) -> Iterator[Any]:
        """What a piece completes; an empty one is the end.

        :raises HeadwayError: for a line that is no JSON, as the last one of an answer that broke off.
        """
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if not piece:
            lines, self._rest = [self._rest], b""
        if len(self._rest) > _LINE_BYTES:
            raise HeadwayError("a line of the answer is too long to be read")
        for line in lines:
            if line.strip():
                yield _line(line)


def _line(line: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    try:
        return json.loads(line)
    except ValueError as error:
        raise HeadwayError("the answer broke off in the middle of a line", retryable=True) from error


def _post(path: str, body: object, headers: Mapping[str, str]) -> Request:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    return Request("POST", path, text, {**_JSON, **headers})


def _path(*parts: str) -> str:
    return "/api/v1/" + "/".join(quote(part, safe="") for part in parts)


def _list(values: Sequence[str] | None) -> str | None:
    return None if values is None else values if isinstance(values, str) else ",".join(values)


def _query(members: Mapping[str, object]) -> str:
    said = {name: str(value) for name, value in members.items() if value is not None}
    return f"?{urlencode(said)}" if said else ""
