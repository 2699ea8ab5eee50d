"""A session with two transactions of four agents: watched, paused, cut off by a crash, cancelled, tried again.

It needs the packages `headway` (`pip install ../../clients/python`) and `websockets`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from headway import Headway

from watcher import ClosedError, Watcher
from workflow import KIND

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from node import Node  # noqa: E402 - it is beside this folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watcher import Message

SESSION = "s-1"
SHOWN = ("agent_start", "agent_complete", "agent_failed", "agent_cancelled")


@contextmanager
def worker(url: str) -> Iterator[None]:
    """The worker, a program of its own."""
    command = [sys.executable, str(HERE / "workflow.py")]
    process = subprocess.Popen(command, env={**os.environ, "HEADWAY_URL": url}, stderr=subprocess.DEVNULL)
    with process:
        try:
            yield
        finally:
            process.kill()


def events(updates: Iterator[Message], transaction: str) -> Iterator[Message]:
    """The events of a transaction, each printed, until it has ended well."""
    for update in updates:
        if update["transaction_id"] != transaction:
            continue
        for event in update["progress_events"]:
            kind = event["event_type"]
            if kind in SHOWN or kind.startswith("transaction_"):
                print(f"   {event['agent'] or '':15} {kind:22} {event['message']}", flush=True)
            yield event
        if update["status"] == "completed":
            return


def through_a_pause_and_a_crash(node: Node, watcher: Watcher, updates: Iterator[Message]) -> None:
    """One transaction: the client has it stand still and go on, and then the node is lost for a moment."""
    transaction = Headway(node.url).jobs.create(KIND, session=SESSION)["id"]
    heard = []
    for event in events(updates, transaction):
        heard.append(event["event_id"])
        match (event["event_type"], event["agent"]):
            case ("agent_start", "AnalystAgent"):
                watcher.say({"type": "pause", "transaction_id": transaction})
            case ("transaction_paused", _):
                watcher.say({"type": "resume", "transaction_id": transaction})
            case ("agent_failed", _):
                node.kill()
                print("   the node is killed, and the agents go on", flush=True)
                node.start()
            case _:
                pass
    once = len(heard) == len(set(heard))
    print(f"   {len(heard)} events over {watcher.connections} connections, {'each once' if once else 'some twice'}")
    print("  ", Headway(node.url).jobs.get(transaction)["result"]["report"])


def cancelled_and_tried_again(node: Node, watcher: Watcher, updates: Iterator[Message]) -> None:
    """Another: the client ends it, and has it tried again."""
    transaction = Headway(node.url).jobs.create(KIND, session=SESSION)["id"]
    ended = False
    for event in events(updates, transaction):
        match event["event_type"]:
            case "agent_start" if not ended:
                ended = True
                watcher.say({"type": "cancel", "transaction_id": transaction})
            case "transaction_cancelled":
                watcher.say({"type": "retry", "transaction_id": transaction})
            case _:
                pass


def who_may_connect(node: Node) -> None:
    """What is refused."""
    watchers = [Watcher(node.address, SESSION) for _ in range(4)]
    streams = [watcher.messages() for watcher in watchers]
    for number, stream in enumerate(streams, 1):
        try:
            next(stream)
            print(f"   connection {number} is told the session")
        except ClosedError as closed:
            print(f"   connection {number} is closed with {closed}")
    for stream in streams:
        stream.close()
    try:
        next(Watcher(node.address, "nobody").messages())
    except ClosedError as closed:
        print(f"   a session that is not known is closed with {closed}")


def main() -> None:
    """Everything, on a node of their own."""
    with Node(HERE) as node, worker(node.url):
        # The session is known from its first transaction on.
        Headway(node.url).jobs.create(KIND, session=SESSION, id="job_first")
        watcher = Watcher(node.address, SESSION)
        with closing(watcher.updates()) as updates:
            print("A transaction:")
            for _ in events(updates, "job_first"):
                pass
            print("One with a pause and a crash:")
            through_a_pause_and_a_crash(node, watcher, updates)
            print("One that is cancelled and tried again:")
            cancelled_and_tried_again(node, watcher, updates)
        print("Who may connect:")
        who_may_connect(node)


if __name__ == "__main__":
    main()
