"""The real program as a server of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from .patience import ask_patiently

__all__ = ["PROGRAM", "Server", "until"]

PROGRAM = os.environ.get("HEADWAY_BIN", str(Path(__file__).resolve().parents[4] / "target/debug/headway"))


_PATIENCE = 60.0
"""Seconds for a server to say that it is ready, and for each of its answers."""


def until(holds: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Waits for a state, and fails when it does not come."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come")
        time.sleep(0.01)


def _first_line(process: subprocess.Popen[str]) -> str:
    """What a program says first; one that says nothing is killed, and said nothing."""
    assert process.stdout is not None
    overdue = threading.Timer(_PATIENCE, process.kill)
    overdue.start()
    try:
        return process.stdout.readline()
    finally:
        overdue.cancel()


class Server:
    """A server on a free port, over a folder of its own, until the block is left."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self._arguments = arguments
        self._settings = settings
        self.address = "127.0.0.1:0"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def __enter__(self) -> Server:
        ask_patiently()
        self._folder = tempfile.TemporaryDirectory(prefix="headway-python-")
        self._log = tempfile.TemporaryFile()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._log.close()
        self._folder.cleanup()

    def start(self) -> None:
        """Starts it, over what an earlier run left and where that was."""
        command = [PROGRAM, "serve", "--listen", self.address, "--data", self._folder.name, *self._arguments]
        self._process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **self._settings},
        )
        line = _first_line(self._process)
        found = re.search(r"127\.0\.0\.1:\d+", line)
        if found is None:
            self.kill()
            self._log.seek(0)
            said = self._log.read().decode()
            raise RuntimeError(f"no ready line in {_PATIENCE:.0f} s but {line!r}: {said}")
        self.address = found.group()

    def kill(self) -> None:
        """Ends it at once, as a crash would (SIGKILL)."""
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def job(self, job: str) -> dict[str, Any]:
        """A job's document; an empty one when there is none."""
        return self._get(f"/api/v1/jobs/{job}")

    def events(self, job: str) -> list[dict[str, Any]]:
        """Everything that happened to a job."""
        events: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self._get(f"/api/v1/jobs/{job}/events?limit=1000{after}")
            events += page.get("events", [])
            if "next" not in page:
                return events
            after = f"&after={page['next']}"

    def command(self, job: str, action: str) -> None:
        """Asks something of a job."""
        request = urllib.request.Request(
            f"{self.url}/api/v1/jobs/{job}/{action}", b"{}", {"content-type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=_PATIENCE).close()

    def _get(self, path: str) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self.url + path, timeout=_PATIENCE) as response:
                said: dict[str, Any] = json.load(response)
                return said
        except urllib.error.HTTPError as error:
            error.close()
            return {}
