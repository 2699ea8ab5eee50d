"""What can go wrong, as programs and people are told it."""

from __future__ import annotations

from typing import Any

__all__ = ["HeadwayError", "JobCancelled"]


class HeadwayError(Exception):
    """A request that was refused, or that got no answer.

    ``status`` is the answer's, ``None`` when there was none. ``code`` is a word for programs, such as
    ``not_found``; ``unreachable`` without an answer, ``unexpected`` when whoever answered was no Headway
    server. ``field`` and ``index`` name what was at fault. ``retryable`` says whether the same request may
    succeed later, ``retry_after`` how many seconds the server wants to be left alone.
    """

    def __init__(
        self,
        detail: str,
        *,
        code: str = "unexpected",
        status: int | None = None,
        field: str | None = None,
        index: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
        details: Any = None,  # noqa: ANN401 - whatever the server says beside the rest
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.field = field
        self.index = index
        self.retryable = retryable
        self.retry_after = retry_after
        self.details = details

    def __repr__(self) -> str:
        return f"HeadwayError({self.detail!r}, code={self.code!r}, status={self.status!r})"


class JobCancelled(Exception):
    """The job is to stop. Leaving the reporter's ``with`` block by it ends the job as cancelled."""
