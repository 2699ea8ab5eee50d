"""What the server answers with, as it is on the wire.

Members that are absent mean the same as null. Readers pass over members that they do not know, and so can
these types be behind a newer server.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

__all__ = [
    "Cost",
    "ErrorGroup",
    "ErrorGroups",
    "Estimate",
    "Event",
    "HistoryPage",
    "Item",
    "ItemCounts",
    "ItemPage",
    "ItemStatus",
    "Job",
    "JobError",
    "JobPage",
    "JobStatus",
    "Kind",
    "Progress",
    "RecordPage",
    "ReportReply",
    "Step",
    "Timings",
]

JobStatus = Literal[
    "pending",
    "queued",
    "running",
    "pausing",
    "paused",
    "cancelling",
    "completed",
    "failed",
    "cancelled",
    "expired",
]

ItemStatus = Literal[
    "queued", "running", "retrying", "succeeded", "failed", "skipped", "cancelled", "expired"
]

Event = dict[str, Any]
"""One event of a job; its ``type`` says which members it has."""


class JobError(TypedDict, total=False):
    """Why a job, a step or an item failed."""

    code: str
    message: str
    details: Any
    retryable: bool


class Progress(TypedDict, total=False):
    """How far a job is; members appear as soon as there is evidence for them."""

    percent: float
    done: int
    total: int
    unit: str
    rate: float
    eta_ms: int
    eta_low_ms: int
    eta_high_ms: int


class Step(TypedDict, total=False):
    """A named part of a job."""

    index: int
    name: str
    role: str
    parent: str
    status: str
    percent: float
    tasks: list[str]
    message: str
    weight: float
    error: JobError
    started_at: str
    finished_at: str


class ItemCounts(TypedDict, total=False):
    """Items of a batch by status."""

    total: int
    queued: int
    running: int
    retrying: int
    succeeded: int
    failed: int
    skipped: int
    cancelled: int
    expired: int


class Cost(TypedDict, total=False):
    """Amounts are decimal texts in the currency."""

    currency: str
    spent: str
    reserved: str
    estimate: str
    forecast: str
    forecast_low: str
    forecast_high: str
    budget: str
    soft_budget: str
    unpriced: Any


class Job(TypedDict, total=False):
    """The public state of a job or a batch."""

    id: str
    kind: str
    name: str
    status: JobStatus
    attempt: int
    progress: Progress
    phase: str
    message: str
    steps: dict[str, Step]
    items: ItemCounts
    cost: Cost
    session: str
    tags: list[str]
    owner: dict[str, str]
    metadata: dict[str, Any]
    result: Any
    error: JobError
    stalled: bool
    cursor: str
    created_at: str
    queued_at: str
    started_at: str
    updated_at: str
    finished_at: str


class JobPage(TypedDict, total=False):
    """A page of jobs, newest first; ``next`` gives the next one."""

    jobs: list[Job]
    next: str


class HistoryPage(TypedDict, total=False):
    """A page of a job's events, oldest first; ``next`` gives what follows, ``previous`` what comes before.

    One that was read with ``before`` has a ``previous``, every other one a ``next``, unless there is no more.
    """

    events: list[Event]
    next: str
    previous: str
    cursor: str
    trimmed_to: str


class ReportReply(TypedDict):
    """What an accepted report is answered with."""

    cursor: str
    status: JobStatus
    commands: list[dict[str, Any]]


class Item(TypedDict, total=False):
    """One item of a batch, and what came of it."""

    index: int
    custom_id: str
    status: ItemStatus
    attempts: int
    input: Any
    output: Any
    error: JobError
    cost: str
    started_at: str
    duration_ms: int


class ItemPage(TypedDict, total=False):
    """A page of items, by index; ``next`` gives the next one."""

    items: list[Item]
    next: int


class ErrorGroup(TypedDict, total=False):
    """Failures that are alike: one code and one form of message."""

    code: str
    message: str
    count: int
    retryable: bool
    examples: list[dict[str, Any]]


class ErrorGroups(TypedDict, total=False):
    """Why items of a batch failed; ``grouped`` of the ``failed`` ones were looked at."""

    failed: int
    grouped: int
    groups: list[ErrorGroup]


class Timings(TypedDict, total=False):
    """How many items finished when, and how long they took."""

    step_ms: int
    points: list[dict[str, Any]]
    duration: dict[str, int]
    read: int
    finished: int


class RecordPage(TypedDict, total=False):
    """How a job's document changed: merge patches, oldest first; the first one is the whole document."""

    records: list[dict[str, Any]]
    next: str
    cursor: str
    trimmed_to: str


class Kind(TypedDict, total=False):
    """A configured type of job."""

    name: str
    executor: str
    concurrency: int
    budget: dict[str, Any]
    steps: dict[str, Any]


class Estimate(TypedDict, total=False):
    """What a batch would cost."""

    items: int
    low: str
    mid: str
    high: str
    currency: str
    method: str
