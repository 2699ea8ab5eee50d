"""A request and its answer, whoever carries them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import HeadwayError

__all__ = [
    "Answer",
    "Request",
    "Token",
    "TokenSource",
    "Unreadable",
    "problem",
    "readable",
    "token_or_own",
]

TokenSource = str | Callable[[], str | None] | None
"""A token, or who is asked for one each time that it is needed."""
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*\Z")
"""What a header can carry."""


class Token:
    """A secret that no log and no ``repr`` shows."""

    __slots__ = ("_source",)

    def __init__(self, source: TokenSource) -> None:
        self._source = source

    @property
    def is_there(self) -> bool:
        """Whether there is a token, or somebody to ask for one."""
        return self._source is not None

    @property
    def can_change(self) -> bool:
        """Whether asking again may give another one."""
        return callable(self._source)

    def current(self) -> str | None:
        """The token to show now; ``None`` for nobody."""
        source = self._source
        token = source() if callable(source) else source
        return token or None

    def __repr__(self) -> str:
        return "Token(***)" if self._source is not None else "Token(None)"


def token_or_own(token: TokenSource) -> Token:
    """A token that was given, else that of the environment.

    That is the variable ``HEADWAY_TOKEN``, else the file that ``HEADWAY_TOKEN_FILE`` names, which is read
    each time, so that another token can be put there.
    """
    if token is not None:
        return Token(token)
    file = os.environ.get("HEADWAY_TOKEN_FILE")
    said = os.environ.get("HEADWAY_TOKEN")
    return Token(said or (None if not file else lambda: Path(file).read_text().strip()))


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The path is the server's, with its query; a body in pieces announces its length."""

    method: str
    path: str
    body: bytes | Iterable[bytes] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Holds headers against what can be sent.

        :raises ValueError: for one that cannot.
        """
        for name, value in self.headers.items():
            if not _VALUE.match(value):
                raise ValueError(f"the header {name} has signs that no header can carry")


class Unreadable(Exception):
    """What was to be sent cannot be read. That is no matter of the server, and is told as what it is."""

    def __init__(self, why: OSError) -> None:
        super().__init__(str(why))
        self.why = why


def readable(body: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The pieces of a body.

    :raises Unreadable: when they cannot be read.
    """
    try:
        yield from body
    except OSError as error:
        raise Unreadable(error) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON is anything
        """The body as JSON, ``None`` when it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def retry_after(self) -> float | None:
        """How many seconds the server wants to be left alone, if it says so in seconds."""
        try:
            seconds = float(self.headers.get("retry-after", ""))
        except ValueError:
            return None
        return seconds if 0 <= seconds < float("inf") else None


def problem(answer: Answer) -> HeadwayError:
    """The error of an answer that is a refusal."""
    said = answer.json()
    if not isinstance(said, dict) or not isinstance(said.get("code"), str):
        other = answer.headers.get("location", "")[:200] if 300 <= answer.status < 400 else ""
        return HeadwayError(
            f"what answers there ({answer.status}) is no Headway server"
            + (f": it leads to {other}, which is not followed" if other else ""),
            status=answer.status,
            retryable=answer.status >= 500 or answer.status in (408, 429),
            retry_after=answer.retry_after,
        )
    member, index = said.get("field"), said.get("index")
    return HeadwayError(
        str(said.get("detail", "")),
        code=said["code"],
        status=answer.status,
        field=member if isinstance(member, str) else None,
        index=index if isinstance(index, int) else None,
        retryable=said.get("retryable") is True,
        retry_after=answer.retry_after,
        details=said.get("details"),
    )
