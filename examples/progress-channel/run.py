"""A job's life, followed by the older service's two clients, with a crash of the node in the middle.

It needs the packages `headway` (`pip install ../../clients/python`) and `websockets`, and for the client
in JavaScript Node 20.10 or newer.
"""

from __future__ import annotations

import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from headway import Headway, Reporter, ReportOptions

from clients import Client, connected, installed, watching
from worker import report

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from node import Node  # noqa: E402 - they are beside this folder
from turns import Turns  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Mapping

JOB = "job_index"
OPTIONS = ReportOptions(close_timeout=60.0)


def work(url: str, turns: Turns) -> None:
    """The worker: its job is there already."""
    with Reporter.job(id=JOB, url=url, options=OPTIONS) as job:
        report(job, turns.take)


def told(clients: Mapping[str, Client], status: str, progress: float | None = None) -> None:
    """Waits until each client has said so."""
    for name, client in clients.items():
        print(f"   {name}  {client.until(status, progress)}", flush=True)


def life(node: Node) -> None:
    """One job from PENDING to COMPLETED."""
    Headway(node.url).jobs.create("index", id=JOB)
    turns = Turns()
    worker = threading.Thread(target=work, args=(node.url, turns))

    def watch(stack: ExitStack) -> dict[str, Client]:
        return {name: stack.enter_context(watching(name, node.address, JOB)) for name in installed()}

    with ExitStack() as stack:
        clients = watch(stack)
        told(clients, "PENDING")
        worker.start()
        told(clients, "IN_PROGRESS", 25)
        turns.give()
        told(clients, "IN_PROGRESS", 50)
        node.kill()
    print("   the node is killed, and the worker goes on")
    turns.give()
    node.start()
    with ExitStack() as stack:
        clients = watch(stack)
        told(clients, "IN_PROGRESS", 75)
        turns.give()
        told(clients, "COMPLETED", 100)
    worker.join()


def conversation(node: Node) -> None:
    """What else can be said on a connection."""
    headway = Headway(node.url)
    first, second = (headway.jobs.create("count", input={})["id"] for _ in range(2))
    with connected(node.address, JOB) as connection:
        print("   ping:", connection.ask({"type": "ping"}, "pong")["type"])
        for job in (first, second):
            connection.say({"type": "subscribe", "job_id": job})
        status = None
        while status != "COMPLETED":
            message = connection.until(lambda found: found.get("job_id") == second)
            if message["status"] != status:
                status = message["status"]
                print("   another job:", status)
        print("   no JSON:", connection.ask("{", "error")["message"])
        unknown = {"type": "subscribe", "job_id": "job_nowhere"}
        print("   an unknown job:", connection.ask(unknown, "error")["message"])
        print("   still there:", connection.ask({"type": "ping"}, "pong")["type"])


def main() -> None:
    """Both, on a node of their own."""
    with Node(HERE) as node:
        print("A job, as the older clients see it:")
        life(node)
        print("What a connection answers:")
        conversation(node)


if __name__ == "__main__":
    main()
