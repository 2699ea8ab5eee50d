"""What a session wants done, and what it has to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .connection import TransportName
from .frame import Frame

__all__ = [
    "AskToken",
    "Connect",
    "ConnectionChanged",
    "Disconnect",
    "Happened",
    "JobChanged",
    "News",
    "Output",
    "Send",
    "SubscriptionChanged",
]


@dataclass(frozen=True, slots=True)
class AskToken:
    """Ask the application for a token and give it to `Session.handle_token`."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a connection of this number; the one before is over."""

    connection: int
    transport: TransportName
    path: str
    token: str | None


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message."""

    connection: int
    message: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Let the connection go; nothing that it still says is of interest."""

    connection: int


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """`Session.phase` is another."""


@dataclass(frozen=True, slots=True)
class JobChanged:
    """`Session.lane` of this job is another."""

    job: str


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened in a job: an event or a gap."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class SubscriptionChanged:
    """`Session.refusal` of this key is another."""

    key: str


News = JobChanged | Happened | SubscriptionChanged
"""What a stream tells of what is watched."""

Output = AskToken | Connect | Send | Disconnect | ConnectionChanged | News
"""One thing that a session wants done or tells, in order."""
