"""Workers of a pool: programs that a ``stream`` executor keeps running and gives one item after the other.

>>> from headway.worker import run
>>> def score(item):
...     item.progress(50, message="half way")
...     item.usage("gpt-x", input_tokens=120)
...     return {"score": len(item.input["text"])}
>>> run(score)  # doctest: +SKIP

Standard output belongs to the answers. `run` and `items` keep it for them and send whatever else is printed
to standard error, where it becomes log lines of the item.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

from .reporting.reports import failure, number

__all__ = ["Item", "RetryLater", "Skip", "items", "run"]


class RetryLater(Exception):
    """The item is to be tried again, not before ``after`` seconds if given."""

    def __init__(self, message: str, *, after: float | None = None, code: str = "retry_later") -> None:
        super().__init__(message)
        self.after = after
        self.code = code


class Skip(Exception):
    """The item is not worth running."""


class Channel:
    """Where answers go: one line at a time, whole, from any thread."""

    def __init__(self, output: IO[bytes]) -> None:
        self._output = output
        self._lock = threading.Lock()

    def write(self, answer: dict[str, Any]) -> None:
        """Writes a line.

        :raises ValueError: for a number that JSON does not have, or a value that contains itself.
        :raises TypeError: for a value that JSON does not have.
        """
        line = json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._output.write(line)
            self._output.flush()


class Item:
    """One item to work on. It is answered once, by `finish`, `fail` or `skip`."""

    def __init__(self, channel: Channel, line: dict[str, Any]) -> None:
        self._channel = channel
        self._usage: list[dict[str, Any]] = []
        self._cost: str | None = None
        self._answered = False
        self.index: int = line["index"]
        self.custom_id: str | None = line.get("custom_id")
        self.attempt: int = line.get("attempt", 1)
        self.input: Any = line.get("input")

    @property
    def answered(self) -> bool:
        """Whether it was."""
        return self._answered

    def progress(self, percent: float, *, message: str | None = None) -> None:
        """How far it is, from 0 to 100.

        :raises ValueError: for what is no number.
        """
        share = number(percent)
        if share is None:
            raise ValueError("`percent` must be a number from 0 to 100")
        said: dict[str, Any] = {"index": self.index, "progress": share}
        self._channel.write(said if message is None else {**said, "message": message})

    def usage(self, sku: str, **units: float) -> None:
        """Units used, which are sent with the answer and priced by the server's rate card.

        :raises ValueError: for what is no number of 0 or more.
        """
        counts = {unit: number(count) for unit, count in units.items()}
        for unit, count in counts.items():
            if count is None or count < 0:
                raise ValueError(f"usage `{unit}` must be a number of 0 or more")
        self._usage.append({**counts, "sku": sku})

    def cost(self, amount: str) -> None:
        """Money spent, as a decimal text, which is sent with the answer.

        :raises ValueError: for what is no text.
        """
        if not isinstance(amount, str):
            raise ValueError('a cost is a decimal text such as "0.02", since floats lose parts of it')
        self._cost = amount

    def finish(self, output: Any = None) -> None:  # noqa: ANN401 - JSON is anything
        """It succeeded, with an output of at most 1 MiB of JSON."""
        self._answer({"output": output})

    def fail(
        self, code: str, message: str, *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        """It failed; it is tried again if that may help, not before ``retry_after`` seconds."""
        error: dict[str, Any] = {"code": code, "message": message, "retryable": retryable}
        if retry_after is not None:
            error["retry_after_ms"] = max(int(retry_after * 1000), 0)
        self._answer({"error": error})

    def skip(self, message: str = "skipped") -> None:
        """It is not worth running."""
        self._answer({"error": {"code": "skipped", "message": message, "retryable": False}})

    def _answer(self, members: dict[str, Any]) -> None:
        if self._answered:
            raise RuntimeError(f"item {self.index} was answered before")
        answer = {"index": self.index, **members}
        if self._usage:
            answer["usage"] = self._usage
        if self._cost is not None:
            answer["cost"] = self._cost
        self._channel.write(answer)
        self._answered = True


@dataclass(frozen=True, slots=True)
class _Streams:
    input: IO[bytes]
    channel: Channel


_open: _Streams | None = None


def items() -> Iterator[Item]:
    """The items that this worker is given, until there are none any more."""
    streams = _streams()
    for line in streams.input:
        if line.strip():
            yield Item(streams.channel, json.loads(line))


def run(
    function: Callable[[Item], Any],
    *,
    concurrency: int = 1,
    retryable: tuple[type[Exception], ...] = (ConnectionError, TimeoutError),
) -> None:
    """Works on items until there are none any more.

    :param function: takes an item and gives its output. An exception fails the item with the exception's
        name as code; `RetryLater` and those that are ``retryable`` have it tried again, `Skip` leaves it out.
    :param concurrency: items that are worked on at a time, each in a thread of its own.
    """
    if concurrency == 1:
        for item in items():
            _work(function, item, retryable)
        return
    room = threading.Semaphore(concurrency)

    def work(item: Item) -> None:
        try:
            _work(function, item, retryable)
        finally:
            room.release()

    with ThreadPoolExecutor(concurrency) as threads:
        for item in items():
            room.acquire()
            threads.submit(work, item)


def _work(function: Callable[[Item], Any], item: Item, retryable: tuple[type[Exception], ...]) -> None:
    try:
        output = function(item)
    except Exception as error:
        _explain(item, error, retryable)
        return
    if item.answered:
        return
    try:
        item.finish(output)
    except OSError:
        # Nobody reads answers any more.
        raise
    except Exception as error:
        item.fail("output_not_json", f"the output cannot be sent: {failure(error)['message']}")


def _explain(item: Item, error: Exception, retryable: tuple[type[Exception], ...]) -> None:
    """Answers with what a function raised, unless it has answered before that."""
    if item.answered:
        return
    said = failure(error)
    if isinstance(error, RetryLater):
        after = number(error.after)
        item.fail(str(error.code), said["message"], retryable=True, retry_after=after)
    elif isinstance(error, Skip):
        item.skip(str(error) or "skipped")
    else:
        item.fail(**said, retryable=isinstance(error, retryable))


def _streams() -> _Streams:
    """Standard input, and standard output for answers alone."""
    global _open
    if _open is None:
        sys.stdout.flush()
        answers = open(os.dup(1), "wb", closefd=False)  # noqa: SIM115 - it is open as long as the process
        os.dup2(2, 1)
        _open = _Streams(sys.stdin.buffer, Channel(answers))
    return _open
