#!/usr/bin/env python3
"""A server is restarted under thousands of watchers: are all of them back, where they were?

    python3 bench/restart.py [--watchers 10000] [--jobs 100] [--kill] [--server target/release/headway]

Starts a server, opens WebSockets, reports to every job now and then, and stops the server with
SIGTERM (with `--kill` by SIGKILL) and starts it again on the same address and data. Every watcher
comes back with the cursor that it holds, when `closing` told it to, or within a second when it was
told nothing. Prints how long that took, counted from the moment when the server listens, and exits
with 1 when somebody is missing, met a gap, or holds another state than the server.
"""

import argparse
import base64
import json
import os
import random
import resource
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request


class Watcher:
    """One WebSocket: its socket, what it has read of it, and what it holds."""

    def __init__(self, job: str) -> None:
        self.job = job
        self.socket: socket.socket | None = None
        self.read = b""
        self.open = False
        self.cursor: str | None = None
        self.asked: str | None = None
        self.come_back = 0.0
        self.gaps = 0
        self.misfits = 0
        self.back = False

    def connect(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        self.read, self.open, self.asked = b"", False, self.cursor

    def ask(self) -> None:
        """Sends the request, once the connection stands."""
        query = f"&cursor={self.asked}" if self.asked else ""
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /api/v1/jobs/{self.job}/stream?min_interval_ms=0{query} HTTP/1.1\r\nHost: h\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        )
        self.socket.send(request.encode())

    def take(self, data: bytes) -> None:
        """Takes bytes; frames of a server are not masked, and here never fragmented."""
        self.read += data
        if not self.open:
            head, mark, rest = self.read.partition(b"\r\n\r\n")
            if not mark:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                raise ConnectionError(head.decode())
            self.open, self.read = True, rest
        while len(self.read) >= 2:
            opcode, length, at = self.read[0] & 15, self.read[1], 2
            if length == 126:
                length, at = struct.unpack_from(">H", self.read.ljust(4, b"\0"), 2)[0], 4
            elif length == 127:
                length, at = struct.unpack_from(">Q", self.read.ljust(10, b"\0"), 2)[0], 10
            if len(self.read) < at + length:
                return
            payload, self.read = self.read[at : at + length], self.read[at + length :]
            if opcode == 1:
                self.frame(json.loads(payload))

    def frame(self, frame: dict) -> None:
        kind = frame["type"]
        if kind == "closing":
            self.come_back = time.monotonic() + frame["retry_ms"] / 1_000
        elif kind == "gap":
            self.gaps += 1
        elif kind == "snapshot":
            self.cursor, self.back = frame["cursor"], True
        elif kind == "update":
            self.misfits += frame["prev"] != self.cursor
            self.cursor = frame["cursor"]
        elif kind == "subscribed":
            # Nothing follows for somebody who holds the newest state.
            self.back = frame["recovered"] or self.back


def post(port: int, path: str, body: object) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def start(server: str, port: int, folder: str) -> subprocess.Popen:
    """Starts the server; the time until it listens is its own business."""
    command = [server, "serve", "--config", f"{folder}/headway.toml"]
    command += ["--listen", f"127.0.0.1:{port}", "--data", f"{folder}/data"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    if b"listening" not in process.stdout.readline():
        raise SystemExit("the server does not start")
    return process


def serve(watchers: list[Watcher], selector: selectors.BaseSelector, port: int, until) -> None:
    """Reads for everybody, and has those come back who were sent away, until `until` says so."""
    gone = {watcher for watcher in watchers if watcher.socket is None}
    connecting = 0
    while not until():
        now = time.monotonic()
        for watcher in [watcher for watcher in gone if watcher.come_back <= now]:
            if connecting >= 256:
                break
            gone.remove(watcher)
            watcher.connect(port)
            connecting += 1
            selector.register(watcher.socket, selectors.EVENT_WRITE, watcher)
        for key, events in selector.select(0.02):
            watcher = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    connecting -= 1
                    error = watcher.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                    if error:
                        raise ConnectionError(os.strerror(error))
                    watcher.ask()
                    selector.modify(watcher.socket, selectors.EVENT_READ, watcher)
                    continue
                data = watcher.socket.recv(1 << 16)
                if not data:
                    raise ConnectionError("closed")
                watcher.take(data)
            except OSError:
                selector.unregister(watcher.socket)
                watcher.socket.close()
                watcher.socket, watcher.back = None, False
                watcher.come_back = max(watcher.come_back, now + random.random())
                gone.add(watcher)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--server", default="target/release/headway")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)

    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        with open(f"{folder}/headway.toml", "w") as config:
            config.write(f"limits.connections = {options.watchers + 100}\n")
        server = start(options.server, port, folder)
        try:
            run(options, server, port, folder)
        finally:
            if server.poll() is None:
                server.kill()


def run(options: argparse.Namespace, server: subprocess.Popen, port: int, folder: str) -> None:
    jobs = [f"job-{number}" for number in range(options.jobs)]
    for job in jobs:
        post(port, "/api/v1/jobs", {"id": job, "kind": "bench"})
    watchers = [Watcher(jobs[number % len(jobs)]) for number in range(options.watchers)]
    selector = selectors.DefaultSelector()

    def all_back() -> bool:
        return all(watcher.back for watcher in watchers)

    began = time.monotonic()
    serve(watchers, selector, port, all_back)
    first = time.monotonic() - began
    for job in jobs:
        post(port, f"/api/v1/jobs/{job}/events", [{"type": "progress", "percent": 10.0}])
    server.send_signal(signal.SIGKILL if options.kill else signal.SIGTERM)
    stopping = time.monotonic()
    serve(watchers, selector, port, lambda: server.poll() is not None)
    ended = time.monotonic()
    if not options.kill and server.returncode != 0:
        raise SystemExit(f"the server ended with {server.returncode}")
    for watcher in watchers:
        watcher.back = False
    again = start(options.server, port, folder)
    try:
        listening = time.monotonic()
        serve(watchers, selector, port, lambda: all_back() or time.monotonic() - listening > 60)
        back = time.monotonic()
        for job in jobs:
            post(port, f"/api/v1/jobs/{job}/events", [{"type": "progress", "percent": 20.0}])
        newest = {}
        for job in jobs:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/jobs/{job}") as answer:
                newest[job] = json.load(answer)["cursor"]
        limit = time.monotonic() + 30
        serve(
            watchers,
            selector,
            port,
            lambda: all(watcher.cursor == newest[watcher.job] for watcher in watchers)
            or time.monotonic() > limit,
        )
        told = time.monotonic()
    finally:
        again.kill()
    behind = sum(watcher.cursor != newest[watcher.job] for watcher in watchers)
    figures = {
        "watchers": len(watchers),
        "first_connected_s": round(first, 2),
        "server_ended_after_s": round(ended - stopping, 2),
        "all_back_after_s": round(back - listening, 2),
        "newest_state_everywhere_after_s": round(told - back, 2),
        "missing": sum(not watcher.back for watcher in watchers),
        "behind": behind,
        "gaps": sum(watcher.gaps for watcher in watchers),
        "misfits": sum(watcher.misfits for watcher in watchers),
    }
    print(json.dumps(figures))
    if figures["missing"] or behind or figures["gaps"] or figures["misfits"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
