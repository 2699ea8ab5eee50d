"""What a worker can say: the same words for threads and for asyncio.

Each call takes a place in a queue and returns. None of them waits for the server, and none raises for
anything that happens to it. A wrong argument is logged and the report dropped, unless the reporter is
strict.
"""

from __future__ import annotations

import logging
import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal

from .queue import Event

__all__ = ["LOG", "Level", "Reports", "Step", "failure", "number"]

LOG = logging.getLogger("headway")

Level = Literal["debug", "info", "warning", "error"]

_LEVELS = ("debug", "info", "warning", "error")
_STEP_ENDS = ("completed", "failed", "skipped", "cancelled")


class Reports(ABC):
    """The words of a reporter."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict

    @abstractmethod
    def _take(self, event: Event) -> bool:
        """Gives a report its place. Whether it has one. Raises for what is no JSON."""

    def progress(
        self,
        percent: float | None = None,
        *,
        done: int | None = None,
        total: int | None = None,
        message: str | None = None,
        phase: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> bool:
        """The work moved: a percent from 0 to 100, or units ``done`` of ``total``.

        States that come faster than they are sent are conflated: the newest is sent.
        """
        event = _event(
            "progress",
            percent=percent,
            done=done,
            total=total,
            message=message,
            phase=phase,
            metadata=metadata,
        )
        if len(event) == 1:
            return self._wrong("progress needs a percent, units, a message, a phase or metadata")
        return self._numbers(event) and self._say(event)

    def phase(self, name: str) -> bool:
        """A phase begins; earlier ones finish."""
        return self._say({"type": "phase", "name": name})

    def message(self, text: str) -> bool:
        """What people are shown of the work now."""
        return self.progress(message=text)

    def log(self, level: Level, message: str, **fields: Any) -> bool:  # noqa: ANN401
        """A line for the job's log, with structured members."""
        if level not in _LEVELS:
            return self._wrong(f"`{level}` is no level: use debug, info, warning or error")
        return self._say(_event("log", level=level, message=message, fields=fields or None))

    def partial(self, name: str, data: Any) -> bool:  # noqa: ANN401
        """An intermediate result, at most 1 MiB of JSON."""
        return self._say({"type": "partial", "name": name, "data": data})

    def usage(self, sku: str, **units: float) -> bool:
        """Units used, priced by the server's rate card: ``usage("gpt-x", input_tokens=120)``."""
        counts = {unit: number(count) for unit, count in units.items()}
        for unit, count in counts.items():
            if count is None or count < 0:
                return self._wrong(f"usage `{unit}` must be a number of 0 or more")
        if not counts:
            return self._wrong("usage needs units, such as input_tokens=120")
        return self._say({"type": "usage", **counts, "sku": sku})

    def cost(self, amount: str, *, sku: str | None = None) -> bool:
        """Money spent, as a decimal text in the job's currency."""
        if not isinstance(amount, str):
            return self._wrong('a cost is a decimal text such as "0.02", since floats lose parts of it')
        return self._say(_event("cost", amount=amount, sku=sku))

    def step(
        self,
        key: str,
        *,
        name: str | None = None,
        role: str | None = None,
        weight: float | None = None,
        parent: str | None = None,
    ) -> Step:
        """A step begins: a phase, a stage or an agent. As a ``with`` block it finishes at its end."""
        self._say(_event("step_start", step=key, name=name, role=role, parent=parent, weight=weight))
        return Step(self, key)

    def complete(self, result: Any = None) -> bool:  # noqa: ANN401
        """The work ended well, with what came out: at most 1 MiB of JSON. Nothing follows."""
        return self._end(_event("complete", result=result))

    def fail(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        details: Any = None,  # noqa: ANN401
    ) -> bool:
        """The work failed. Nothing follows."""
        error = {"code": code, "message": message, "retryable": retryable, "details": details}
        return self._end(
            {"type": "fail", "error": {name: value for name, value in error.items() if value is not None}}
        )

    @abstractmethod
    def _cannot_end(self, kind: str, detail: str) -> None:
        """The end cannot be told as it was said: the job ends as failed."""

    @abstractmethod
    def _refuse(self) -> None:
        """One more report is refused: it cannot be what it says."""

    def _say(self, event: Event) -> bool:
        try:
            return self._take(event)
        except Exception as error:
            # Also what a value does that another thread changes, or that is made to be no plain one.
            return self._wrong(f"a report `{event['type']}` is no JSON: {_words(error)}")

    def _end(self, event: Event) -> bool:
        try:
            return self._take(event)
        except Exception as error:
            detail = f"it is no JSON: {_words(error)}"
            self._cannot_end(str(event["type"]), detail)
            return self._wrong(f"a report `{event['type']}` cannot be sent: {detail}")

    def _numbers(self, event: dict[str, Any]) -> bool:
        """Makes plain numbers of whatever is one, as those of numpy are."""
        for unit in ("done", "total"):
            if unit in event:
                try:
                    event[unit] = operator.index(event[unit])
                except TypeError:
                    return self._wrong(f"`{unit}` must be a whole number")
        if "percent" not in event:
            return True
        percent = number(event["percent"])
        if percent is None or not -1e-6 <= percent <= 100 + 1e-6:
            return self._wrong("`percent` must be a number from 0 to 100")
        event["percent"] = min(max(percent, 0.0), 100.0)
        return True

    def _wrong(self, message: str) -> bool:
        if self._strict:
            raise ValueError(message)
        self._refuse()
        # As for all that is told: a handler that raises does not break the work.
        with suppress(Exception):
            LOG.error("%s; the report was dropped", message)
        return False


class Step:
    """A step that has begun."""

    def __init__(self, reports: Reports, key: str) -> None:
        self._reports = reports
        self._finished = False
        self.key = key

    def progress(self, percent: float | None = None, *, message: str | None = None) -> bool:
        """The step moved, to a percent from 0 to 100."""
        return self._update(percent=percent, message=message)

    def tasks(self, *tasks: str) -> bool:
        """What it is busy with now."""
        return self._update(tasks=list(tasks))

    def message(self, text: str) -> bool:
        """What people are shown of it now."""
        return self._update(message=text)

    def step(
        self, key: str, *, name: str | None = None, role: str | None = None, weight: float | None = None
    ) -> Step:
        """A step inside this one begins."""
        return self._reports.step(key, name=name, role=role, weight=weight, parent=self.key)

    def finish(
        self,
        status: Literal["completed", "failed", "skipped", "cancelled"] = "completed",
        *,
        error: Mapping[str, Any] | None = None,
    ) -> bool:
        """The step ended. A second time says nothing."""
        if status not in _STEP_ENDS:
            return self._reports._wrong(f"a step ends as {', '.join(_STEP_ENDS)}, and not as `{status}`")
        if self._finished:
            return False
        self._finished = True
        return self._reports._say(_event("step_finish", step=self.key, status=status, error=error))

    def _update(self, **members: Any) -> bool:  # noqa: ANN401
        event = _event("step_update", step=self.key, **members)
        return self._reports._numbers(event) and self._reports._say(event)

    def __enter__(self) -> Step:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, Exception) and kind is not None and kind.__name__ != "JobCancelled":
            self.finish("failed", error=failure(error))
        else:
            self.finish("cancelled")


def failure(error: BaseException) -> dict[str, Any]:
    """An exception as the error of a job or a step."""
    return {"code": type(error).__name__[:128], "message": _words(error)}


def _words(error: BaseException) -> str:
    """What an exception says, else what it is, in signs that can be sent."""
    try:
        said = str(error)
    except Exception:
        said = ""
    return (said or type(error).__name__)[:4000].encode(errors="replace").decode()


def _event(kind: str, **members: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": kind, **{name: value for name, value in members.items() if value is not None}}


def number(value: Any) -> float | None:  # noqa: ANN401
    """A finite number, ``None`` for anything else."""
    try:
        found = float(value) if not isinstance(value, str | bytes | bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None
