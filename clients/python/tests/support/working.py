"""A worker that is killed: says numbered lines on a job, and prints each number once it was said.

Arguments: the server's address, the spool's folder, the job, the first number and how many.
"""

from __future__ import annotations

import os
import sys

from headway import Reporter, ReportOptions


def work(url: str, spool: str, job: str, first: int, count: int) -> None:
    """Says the lines, and ends the job with the last one."""
    options = ReportOptions(close_timeout=30)
    with Reporter.job("import", id=job, url=url, spool=spool, options=options) as reporter:
        for number in range(first, first + count):
            reporter.log("info", f"{number} of {os.getpid()}")
            print(number, flush=True)


if __name__ == "__main__":
    work(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
