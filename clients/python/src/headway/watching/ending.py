"""What the end of a connection means."""

from __future__ import annotations

from dataclasses import dataclass

from .connection import Close, Refused, SignedOut

__all__ = ["Closing", "Seen", "ending_of"]

_SIGNED_OUT = frozenset({"token_expired", "revoked", "unauthenticated"})


@dataclass(frozen=True, slots=True)
class Closing:
    """What a server says before it closes."""

    reason: str
    retry_ms: float


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything has ended, and was seen."""


def ending_of(close: Close, closing: Closing | None) -> SignedOut | Seen | Refused | None:
    """The phase that a connection ends in for good, or that all was seen; ``None``: it was lost."""
    said = "" if closing is None else closing.reason
    if close.code == 4500 or close.status == 401 or said in _SIGNED_OUT:
        return SignedOut(said or "unauthenticated")
    if close.status == 204:
        return Seen()
    code = close.code
    if code is not None and (4500 <= code < 5000 or code in (1008, 1009)):
        return Refused(code, close.reason)
    if close.problem is not None and _is_final(close.status):
        return Refused(close.problem, close.reason)
    return None


def _is_final(status: int | None) -> bool:
    """Whether the same request would be refused again."""
    return status is not None and 400 <= status < 500 and status not in (408, 429)
