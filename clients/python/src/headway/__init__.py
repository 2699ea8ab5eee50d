"""Headway: workers report without waiting, programs ask and watch.

>>> from headway import Reporter
>>> with Reporter.job("analysis") as job:  # doctest: +SKIP
...     job.progress(40, message="Loading")
"""

from .api.aio import AsyncHeadway
from .api.blocking import Headway
from .errors import HeadwayError, JobCancelled
from .reporting.aio import AsyncReporter
from .reporting.options import ReportOptions
from .reporting.reporter import Reporter
from .reporting.reports import Step
from .watching.aio import AsyncWatch
from .watching.blocking import Watch
from .watching.feed import Change, Ended, EventHappened, Gap, StateChanged

__all__ = [
    "AsyncHeadway",
    "AsyncReporter",
    "AsyncWatch",
    "Change",
    "Ended",
    "EventHappened",
    "Gap",
    "Headway",
    "HeadwayError",
    "JobCancelled",
    "ReportOptions",
    "Reporter",
    "StateChanged",
    "Step",
    "Watch",
]
