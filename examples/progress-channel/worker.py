"""Counts the words of Headway's own documentation, a quarter of the files after the other.

`python3 worker.py JOB` works on a job that is there and reports on it with `headway.Reporter`. Without a
name it is the program of an executor: it prints lines that report, and then the result.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from headway import Reporter

DOCUMENTS = Path(__file__).parents[2] / "docs"
QUARTERS = 4

Milestone = tuple[float, str, dict[str, int]]
"""A percent, a message for people, and numbers for programs."""


def words(text: str) -> Iterable[str]:
    """The words of a text that have at least four letters."""
    return re.findall(r"[a-z]{4,}", text.lower())


def count(files: list[Path], found: Counter[str]) -> Iterator[Milestone]:
    """Adds what is found in the files, and tells a milestone before each quarter of them but the first."""
    for quarter in range(QUARTERS):
        here = files[len(files) * quarter // QUARTERS : len(files) * (quarter + 1) // QUARTERS]
        if quarter and here:
            metadata = {"files": len(files) * quarter // QUARTERS, "words": found.total()}
            yield 100 * quarter / QUARTERS, f"Reading {here[0].name}", metadata
        for file in here:
            found.update(words(file.read_text(encoding="utf-8")))


def result(files: list[Path], found: Counter[str]) -> dict[str, Any]:
    """What came out."""
    return {"files": len(files), "words": found.total(), "most_used": dict(found.most_common(5))}


def report(job: Reporter, turn: Callable[[], None]) -> dict[str, Any]:
    """Works and reports. `turn` is called after each milestone: what a larger quarter would take."""
    files, found = sorted(DOCUMENTS.glob("*.md")), Counter[str]()
    for percent, message, metadata in count(files, found):
        job.progress(percent, message=message, metadata=metadata)
        turn()
        job.raise_if_cancelled()
    done = result(files, found)
    job.complete(done)
    return done


def main() -> None:
    """Works on the job that is named, or as an executor's program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("job", nargs="?", help="the id of a job that waits")
    parser.add_argument("--pace", type=float, default=0.0, help="seconds that a larger quarter would take")
    options = parser.parse_args()
    if options.job:
        from headway import Reporter

        with Reporter.job(id=options.job) as job:
            report(job, lambda: time.sleep(options.pace))
        return
    files, found = sorted(DOCUMENTS.glob("*.md")), Counter[str]()
    for percent, message, metadata in count(files, found):
        event = {"type": "progress", "percent": percent, "message": message, "metadata": metadata}
        print(json.dumps({"headway": event}), flush=True)
    print(json.dumps(result(files, found)))


if __name__ == "__main__":
    main()
