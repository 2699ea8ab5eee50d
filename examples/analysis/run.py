"""Runs analyses on a node and watches them as clients of the older service do, and as new ones do.

It needs the packages `headway` (`pip install ../../clients/python`) and `websockets`.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway import Ended, EventHappened, Gap, Headway, StateChanged
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from node import Node  # noqa: E402 - it is beside this folder

if TYPE_CHECKING:
    from collections.abc import Callable

Message = dict[str, Any]

WATCHERS = 3


def analyse(node: Node, request: Message) -> str:
    """Asks for an analysis, as a client of the older service does. Its id."""
    body = json.dumps(request).encode()
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{node.url}/api/v1/analyze", body, headers)
    with urllib.request.urlopen(asked) as answer:
        told: Message = json.load(answer)
    return str(told["analysis_id"])


def follow(node: Node, analysis: str, told: Callable[[Message], None]) -> tuple[int | None, str]:
    """Every message of the older stream until it is closed: by which code, and why."""
    with connect(f"ws://{node.address}/api/v1/analyze/{analysis}/stream") as socket:
        try:
            while True:
                told(json.loads(socket.recv()))
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (None, "")


def words(message: Message) -> str:
    """A message as the older client writes it to its console."""
    match message["type"]:
        case "progress":
            return f"Progress: {message['progress']:.0f}% - {message['phase']}"
        case "complete":
            return f"Analysis complete: {message['results']['days']} days"
        case "error":
            return f"Analysis failed: {message['message']}"
        case "heartbeat":
            return "Connection alive"
        case kind:
            return f"A message of the type {kind}"


def by_many(node: Node, rounds: int) -> str:
    """One analysis and several who watch it. Its id."""
    analysis = analyse(node, {"rounds": rounds})
    seen: list[list[Message]] = [[] for _ in range(WATCHERS)]

    def watch(place: int) -> None:
        def told(message: Message) -> None:
            seen[place].append(message)
            if place == 0:
                print("  ", words(message), flush=True)

        follow(node, analysis, told)

    threads = [threading.Thread(target=watch, args=(place,)) for place in range(WATCHERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same = all(messages[-1] == seen[0][-1] for messages in seen)
    print(f"{WATCHERS} watched and were told {'the same results' if same else 'different results'}.")
    return analysis


def through_a_crash(node: Node, rounds: int) -> None:
    """The node's own stream, with what the older one lacks: partial results, and coming back."""
    analysis = analyse(node, {"rounds": rounds})
    killed = False
    phase = None
    # `stream` reconnects by itself and goes on where it was.
    with Headway(node.url).watch(analysis, events=["partial"]) as stream:
        for change in stream:
            match change:
                case EventHappened(_, event):
                    print(f"   partial result `{event['name']}`: years {', '.join(event['data'])}")
                case StateChanged(job):
                    if job.get("phase") != phase:
                        phase = job.get("phase")
                        print(f"   {job['progress'].get('percent', 0):3.0f} % {phase}", flush=True)
                    if not killed and phase == "comparing_years":
                        killed = True
                        node.kill()
                        print("   the node is killed; it comes back and runs the analysis again", flush=True)
                        node.start()
                case Gap(_, reason):
                    print(f"   events are missing: {reason}")
                case Ended(job, "completed"):
                    print(f"   completed, {job['result']['days']} days")
                case Ended(job, status):
                    print(f"   {status}: {job['error']['message']}")


def main() -> None:
    """Everything, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1_000, help="how often chance is asked")
    rounds = parser.parse_args().rounds
    with Node(HERE) as node:
        print("An analysis, as the older client sees it:")
        analysis = by_many(node, rounds)
        print("Who comes after its end:")
        print("   closed with", *follow(node, analysis, lambda message: print("  ", words(message))))
        print("One that fails:")
        failing = analyse(node, {"years": [1999]})
        print("   closed with", *follow(node, failing, lambda message: print("  ", words(message))))
        print("One that is not there:")
        print("   closed with", *follow(node, "job_nowhere", lambda message: print("  ", words(message))))
        print("The node's own stream, through a crash:")
        through_a_crash(node, rounds)


if __name__ == "__main__":
    main()
