"""What the example asks of a Headway node, with Python's standard library alone.

A program of your own would take the `headway` package (`clients/python`), which also reconnects,
renews tokens and tells errors apart.
"""

from __future__ import annotations

import json
import secrets
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json = dict[str, Any]

SILENCE_S = 60
"""Nothing for so long, where a heartbeat comes every 20 seconds, is a broken connection."""


class RequestError(Exception):
    """A request that was refused, with the node's words for it."""


class Client:
    """Speaks to one node."""

    def __init__(self, url: str) -> None:
        """`url` is what the node printed when it was ready."""
        self.url = url

    def get(self, path: str) -> Json:
        """The JSON at a path."""
        return read(self._send(path, None, {}))

    def text(self, path: str) -> str:
        """The text at a path."""
        return self._send(path, None, {}).decode()

    def post(self, path: str, body: object) -> Json:
        """Sends JSON and gives the answer's."""
        kind = {"Content-Type": "application/json"}
        return read(self._send(path, json.dumps(body).encode(), kind))

    def submit(self, path: str, options: Mapping[str, object], lines: bytes) -> Json:
        """Sends items as a file of JSON Lines: to `/api/v1/batches`, or to `/api/v1/estimates`."""
        boundary = secrets.token_hex(16)
        parts = (
            ('name="options"', "application/json", json.dumps(options).encode()),
            ('name="file"; filename="leads.jsonl"', "application/octet-stream", lines),
        )
        body = b"".join(
            f"--{boundary}\r\nContent-Disposition: form-data; {name}\r\nContent-Type: {kind}\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, kind, content in parts
        )
        body += f"--{boundary}--\r\n".encode()
        form = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return read(self._send(path, body, form))

    def results(self, batch: str) -> list[Json]:
        """What became of each item."""
        text = self.text(f"/api/v1/batches/{batch}/results?format=jsonl")
        return [json.loads(line) for line in text.splitlines()]

    def watch(self, batch: str, query: str = "") -> Iterator[Json]:
        """The messages of a job's stream until it ends: Server-Sent Events, whose data is JSON.

        `query` says more than which job, such as `events=items` or `min_interval_ms=500`.
        """
        path = f"/api/v1/jobs/{batch}/stream?{query}"
        request = urllib.request.Request(self.url + path, headers={"Accept": "text/event-stream"})
        with urllib.request.urlopen(request, timeout=SILENCE_S) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    yield json.loads(line[5:])

    def _send(self, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
        request = urllib.request.Request(self.url + path, body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=SILENCE_S) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.HTTPError as error:
            with error:
                words = error.read().decode(errors="replace")
            raise RequestError(f"{path} was answered with {error.code}: {words}") from None


def read(content: bytes) -> Json:
    """The JSON object that an answer is."""
    found: Json = json.loads(content)
    return found


def merged(target: Json, patch: Json) -> Json:
    """A document with a merge patch applied (RFC 7396)."""
    result = dict(target)
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            inner = result.get(name)
            result[name] = merged(inner if isinstance(inner, dict) else {}, value)
        else:
            result[name] = value
    return result
