"""An example's `run.py`, run as a reader runs it."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from bounded import Overdue

PACKAGE = Path(__file__).parents[2] / "clients" / "python" / "src"


@contextmanager
def running(script, *arguments, **streams):
    """The process, with all that it starts: whatever of that is left in the end is killed."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
        start_new_session=True,
        **streams,
    )
    with process:
        try:
            yield process
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # everything has ended by itself


def lines_of(script, *arguments, seconds):
    """What it prints until it has ended well, which it does in so many seconds."""
    pipe = subprocess.PIPE
    with running(script, *arguments, stdout=pipe, stderr=pipe) as process:
        try:
            said, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            said, errors = process.communicate(timeout=seconds)
            raise Overdue(f"the end of {script.name} did not come in {seconds} s:\n{said}{errors}") from None
    if process.returncode != 0:
        raise AssertionError(f"{script.name} ended with {process.returncode}:\n{said}{errors}")
    return said.splitlines()
