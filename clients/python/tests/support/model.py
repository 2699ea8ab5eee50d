"""A server as reports see it, on a virtual clock: it takes them, loses them, refuses them."""

from __future__ import annotations

import json
from typing import Any

from headway.http.exchange import Answer
from headway.reporting.terms import Purpose, Sending

__all__ = ["ModelServer", "answer"]


def answer(status: int, body: object, **headers: str) -> Answer:
    """An answer with a JSON body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, json.dumps(body).encode())


def refusal(status: int, code: str, **members: Any) -> Answer:  # noqa: ANN401
    """An answer that is a problem document."""
    return answer(status, {"code": code, "detail": f"{code}, says the model", "status": status, **members})


class ModelServer:
    """One job, reported on by producers that number their events."""

    def __init__(self, *, names_the_culprit: bool = True) -> None:
        self.applied: list[dict[str, Any]] = []
        self.status: str | None = None
        self.commands: list[dict[str, Any]] = []
        self._marks: dict[str, int] = {}
        self._names = names_the_culprit

    def take(self, sending: Sending) -> Answer:
        """Does what a request says."""
        body = sending.request.body
        assert isinstance(body, bytes)
        if sending.purpose is Purpose.MAKE:
            if self.status is not None:
                return refusal(409, "already_exists", field="id")
            self.status = "pending"
            return answer(201, {"id": json.loads(body)["id"], "status": "pending"})
        if self.status is None:
            return refusal(404, "not_found")
        events = json.loads(body)
        return self._report(sending.request.headers.get("Producer-Id", ""), events)

    def _report(self, producer: str, said: Any) -> Answer:  # noqa: ANN401
        events = said if isinstance(said, list) else [said]
        mark = self._marks.get(producer, 0)
        fresh = []
        status = self.status
        for index, event in enumerate(events):
            seq = event.get("seq")
            if seq is not None and seq <= mark:
                continue
            mark = seq or mark
            if status in ("completed", "failed", "cancelled"):
                return refusal(409, "job_ended")
            if event.get("message") == "bad":
                where = {"index": index, "field": "message"} if self._names else {}
                return refusal(422, "invalid", **where)
            status = {"complete": "completed", "fail": "failed"}.get(event["type"], "running")
            fresh.append(event)
        self._marks[producer] = mark
        self.status = status
        self.applied += fresh
        return answer(200, {"cursor": "a-1", "status": status, "commands": self.commands})
