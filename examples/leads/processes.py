"""The two programs of the example, each on a free port, for as long as they are wanted.

Both print one line with their address when they are ready. The node gets a folder of its own with
copies of `headway.toml`, in which the service's address is filled in, and `costs.json`, which can be
changed there while it runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ADDRESS = re.compile(r"http://(127\.0\.0\.1:\d+)")
SERVICE_ADDRESS = "127.0.0.1:8088"
"""Where `headway.toml` looks for the service."""

READY_S = 60
"""A program that has not said by then that it is ready never will."""

END_S = 40
"""A node lets work in flight end, for at most 30 seconds."""


class StartError(Exception):
    """A program that could not be started, with what it said."""


@dataclass(frozen=True)
class Running:
    """The example, while it runs."""

    node: str
    service: str
    costs: Path
    log: Path


def program() -> str:
    """The `headway` program: `HEADWAY_BIN`, or one on the path, or one that was built here."""
    target = HERE.parents[1] / "target"
    built = [str(target / profile / "headway") for profile in ("debug", "release")]
    for place in (os.environ.get("HEADWAY_BIN"), "headway", *built):
        if place and (found := shutil.which(place)):
            return found
    raise StartError("There is no `headway` program: put it on the path, or name it in HEADWAY_BIN.")


@contextmanager
def started(slowness: float = 1.0, listen: str = "127.0.0.1:0") -> Iterator[Running]:
    """Starts the service and then a node, and ends both in the end."""
    with tempfile.TemporaryDirectory(prefix="headway-leads-") as name:
        folder = Path(name)
        log = folder / "log.txt"
        service = [sys.executable, str(HERE / "service.py"), "--port", "0", "--slowness", str(slowness)]
        with ready(service, log) as service_address:
            settings = (HERE / "headway.toml").read_text(encoding="utf-8")
            settings = settings.replace(SERVICE_ADDRESS, service_address)
            (folder / "headway.toml").write_text(settings, encoding="utf-8")
            costs = Path(shutil.copy(HERE / "costs.json", folder))
            node = [program(), "serve", "--config", str(folder / "headway.toml"), "--rates", str(costs)]
            node += ["--data", str(folder / "data"), "--listen", listen]
            with ready(node, log) as node_address:
                yield Running(f"http://{node_address}", f"http://{service_address}", costs, log)


@contextmanager
def ready(command: list[str], log: Path) -> Iterator[str]:
    """The address of a program, from its being ready to its end."""
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    with process:
        try:
            overdue = threading.Timer(READY_S, process.kill)
            overdue.start()
            said = process.stdout.readline() if process.stdout else ""
            overdue.cancel()
            found = ADDRESS.search(said)
            if not found:
                end(process)
                words = log.read_text(encoding="utf-8")
                raise StartError(f"{command[0]} did not become ready: {said}{words}")
            yield found.group(1)
        finally:
            end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Ends a program, and does not wait for ever."""
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
