"""How a connection is, and how one ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "Asking",
    "Close",
    "Connected",
    "Idle",
    "Phase",
    "Refusal",
    "Refused",
    "SignedOut",
    "TransportName",
    "Waiting",
]

TransportName = Literal["websocket", "events", "poll"]
"""A way to read the stream, best first."""


@dataclass(frozen=True, slots=True)
class Close:
    """How a connection ended, as its transport saw it.

    :param reason: in words.
    :param code: a WebSocket's close code.
    :param status: an answer's status, when it was no stream.
    :param problem: the code of the answer's problem document, when it had one.
    :param retry_ms: when to come back, if the answer said so.
    """

    reason: str
    code: int | None = None
    status: int | None = None
    problem: str | None = None
    retry_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not watched: a word for programs, and what, where, and what to do."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Idle:
    """Nothing is watched, or everything that is has ended."""

    state: Literal["idle"] = "idle"


@dataclass(frozen=True, slots=True)
class Asking:
    """Somebody is asked for a token."""

    transport: TransportName
    state: Literal["connecting"] = "connecting"


@dataclass(frozen=True, slots=True)
class Connected:
    """A connection is made, or was."""

    state: Literal["connecting", "live"]
    transport: TransportName
    connection: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """The connection was lost and is tried again."""

    until: float
    reason: str
    state: Literal["waiting"] = "waiting"


@dataclass(frozen=True, slots=True)
class SignedOut:
    """The token is not taken, or there is none."""

    reason: str
    state: Literal["signed_out"] = "signed_out"


@dataclass(frozen=True, slots=True)
class Refused:
    """The server said not to come back."""

    code: int | str
    reason: str
    state: Literal["refused"] = "refused"


Phase = Idle | Asking | Connected | Waiting | SignedOut | Refused
"""Where the one connection is that all watches share."""
