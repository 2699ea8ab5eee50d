"""Headway: workers report without waiting, programs ask and watch.

>>> from headway import Reporter
>>> with Reporter.job("analysis") as job:  # doctest: +SKIP
...     job.progress(40, message="Loading")
"""

from .errors import HeadwayError, JobCancelled
from .reporting.options import ReportOptions
from .reporting.reporter import Reporter
from .reporting.reports import Step

__all__ = ["HeadwayError", "JobCancelled", "ReportOptions", "Reporter", "Step"]
