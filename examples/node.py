"""A node for an example: on a free port, with a folder of its own, that can be killed and come back.

It keeps its port and its data from one start to the next, as a node of yours does; so clients that
were connected find it again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

READY = re.compile(r"http://127\.0\.0\.1:\d+")

READY_S = 60
"""A node that has not said by then that it is ready never will."""

END_S = 40
"""A node lets work in flight end, for at most 30 seconds."""


class StartError(Exception):
    """A node that could not be started, with what it said."""


class Node:
    """Runs from entering the context to leaving it."""

    def __init__(self, folder: Path, listen: str | None = None) -> None:
        """`folder` holds the `headway.toml`; commands in it are found there."""
        self._folder = folder
        self.address = listen or "127.0.0.1:0"
        self.url = f"http://{self.address}"

    def __enter__(self) -> Node:
        self._home = tempfile.TemporaryDirectory(prefix="headway-example-")
        self._log = Path(self._home.name) / "log.txt"
        try:
            self.start()
        except BaseException:
            self._home.cleanup()
            raise
        return self

    def start(self) -> None:
        """Starts it over the data of the last run. It can be asked when this returns."""
        command = [program(), "serve", "--listen", self.address, "--data", f"{self._home.name}/data"]
        if (self._folder / "headway.toml").exists():
            command += ["--config", "headway.toml"]
        with self._log.open("a", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        overdue = threading.Timer(READY_S, self._process.kill)
        overdue.start()
        said = self._process.stdout.readline() if self._process.stdout else ""
        overdue.cancel()
        ready = READY.search(said)
        if not ready:
            self._process.kill()
            self._gone()
            raise StartError(f"The node did not become ready: {said}{self.log()}")
        # The port that it was given, which it is to have again.
        self.url = ready.group()
        self.address = self.url.removeprefix("http://")

    def kill(self) -> None:
        """Ends it at once, as the loss of the machine would (SIGKILL)."""
        self._process.kill()
        self._gone()

    def log(self) -> str:
        """What all its runs have written to their error output."""
        return self._log.read_text(encoding="utf-8")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._gone()
        self._home.cleanup()

    def _gone(self) -> None:
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def program() -> str:
    """The `headway` program: `HEADWAY_BIN`, or one on the path, or one that was built here."""
    target = Path(__file__).parents[1] / "target"
    built = [str(target / profile / "headway") for profile in ("debug", "release")]
    for place in (os.environ.get("HEADWAY_BIN"), "headway", *built):
        if place and (found := shutil.which(place)):
            return found
    raise StartError("There is no `headway` program: put it on the path, or name it in HEADWAY_BIN.")
