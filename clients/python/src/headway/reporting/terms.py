"""What passes between a session and whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from ..http.exchange import Request
from .queue import Entry

__all__ = ["Command", "Counts", "Notice", "Purpose", "Sending", "Stage"]


class Stage(Enum):
    """Where a session is."""

    MAKING = "making"
    """The job is to be made."""
    REPORTING = "reporting"
    """Reports go."""
    SHUT_OUT = "shut_out"
    """The token is not taken, or there is none. Reports are kept, and nothing is sent."""
    OVER = "over"
    """Nothing is sent any more."""


class Purpose(Enum):
    """What a request is for."""

    MAKE = "make"
    REPORT = "report"
    LISTEN = "listen"


@dataclass(frozen=True, slots=True)
class Sending:
    """A request, and what it is for."""

    purpose: Purpose
    request: Request
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A wish that waits for the worker."""

    id: str
    action: str
    requested_at: str
    reason: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """Something for the worker's own log: once when it begins, not with each report."""

    level: Literal["error", "warning", "info"]
    message: str


@dataclass(slots=True)
class Counts:
    """What became of reports: when the reporter is closed, each is in one of these counts.

    States that were conflated are one report. Those that the reporter makes itself are counted too: that the
    work began, that a command was carried out, that reports were dropped.
    """

    acknowledged: int = 0
    """By the server."""
    dropped: int = 0
    """For want of room, because the job was over, or because the reporter was closed before they were
    acknowledged and has no spool."""
    refused: int = 0
    """By the server, or because their arguments were wrong."""
    spooled: int = 0
    """Left in the spool for the next run, where they are counted again."""
