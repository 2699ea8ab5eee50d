"""The workflow: which agent works when, what becomes of one that fails, and the worker that takes up jobs.

`python3 workflow.py` works on every job of the kind `prices` that waits, one after the other, until it is
ended. It says what it does to the server (`HEADWAY_URL`) and never waits for it: the server
may be slow, or away.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headway import Headway, Reporter, ReportOptions, StateChanged

import agents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headway import Step

KIND = "prices"

OPTIONS = ReportOptions(heartbeat=1.0, close_timeout=60.0)
"""Commands are asked for each second; at the end of a job what is left to say may take a minute."""

LOOK_S = 0.05
"""How often an agent that waits looks whether it is still wanted."""

Answered = Callable[[float], bool]
"""Waits at most so many seconds for what an agent has asked for, and says whether it came: where these
agents would ask a model or a service."""


class Desk:
    """An agent's desk: what it says goes to its step of the job."""

    def __init__(self, job: Reporter, step: Step, answered: Answered) -> None:
        """`step` is the agent's own."""
        self._job = job
        self._step = step
        self._answered = answered
        self._tasks = 0

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """A step inside the agent's own. Before it ends the agent can be stopped, and stands still if asked to."""
        self._tasks += 1
        self._step.tasks(name)
        with self._step.step(f"{self._step.key}/{self._tasks}", name=name):
            yield
            while not self._answered(LOOK_S):
                self._look()
            self._look()

    def note(self, message: str, **fields: object) -> None:
        """A line of the job's log."""
        self._job.log("info", message, **fields)

    def _look(self) -> None:
        self._job.raise_if_cancelled()
        self._job.wait_while_paused()
        self._job.raise_if_cancelled()


def work(job: Reporter, answered: Answered) -> dict[str, Any]:
    """The whole workflow, on a job."""

    @contextmanager
    def agent(key: str, name: str) -> Iterator[Desk]:
        with job.step(key, name=name, role="agent") as step:
            yield Desk(job, step, answered)

    with agent("research", "ResearchAgent") as desk:
        years = agents.research(desk)
    with agent("analysis", "AnalystAgent") as desk:
        analysis = agents.analyse(desk, years)
    job.partial("analysis", analysis)
    try:
        with agent("trend", "TrendAgent") as desk:
            trend = agents.find_trend(desk, years, in_work=False)
    except agents.NoTrendError as failure:
        job.log("warning", f"{failure}: once more, in weeks of work")
        with agent("trend-2", "TrendAgent") as desk:
            trend = agents.find_trend(desk, years, in_work=True)
    with agent("report", "ReportingAgent") as desk:
        report = agents.write_report(desk, analysis, trend)
    result = {"report": report, "analysis": analysis, "trend": trend}
    job.complete(result)
    return result


def serve(url: str | None, answered: Answered) -> None:
    """Takes up each job that waits, also one that is to be tried again, until it is ended."""
    begun: set[tuple[str, int]] = set()
    with Headway(url).watch_all() as jobs:
        for change in jobs:
            match change:
                case StateChanged(job) if job["kind"] == KIND and job["status"] == "pending":
                    attempt = (job["id"], job["attempt"])
                    if attempt not in begun:
                        begun.add(attempt)
                        with Reporter.job(id=job["id"], url=url, options=OPTIONS) as reporter:
                            work(reporter, answered)
                case _:
                    pass


def main() -> None:
    """The worker as a program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pace", type=float, default=0.3, help="seconds that a model would take to answer")
    options = parser.parse_args()
    never = threading.Event()
    looks: int = max(1, round(options.pace / LOOK_S))
    waited = 0

    def answered(most: float) -> bool:
        nonlocal waited
        never.wait(most)
        waited += 1
        return waited % looks == 0

    serve(None, answered)


if __name__ == "__main__":
    main()
