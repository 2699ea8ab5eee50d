#!/usr/bin/env python3
"""What it costs to be watched: one batch with 1,000 WebSocket watchers against the same with none.

    cargo build --release -p headway
    python3 bench/watched_batch.py [--watchers 1000] [--rows 60000] [--program target/release/headway]

Runs the batch on a node of its own, watched and unwatched in turn, and prints the processor time of
the server alone, and of the server with its workers, as ratios watched / unwatched.
"""

import argparse
import base64
import json
import os
import pathlib
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

WORKER = """
import hashlib, json, sys
for text in sys.stdin:
    line = json.loads(text)
    digest = b""
    for _ in range(150):
        digest = hashlib.sha256(digest + text.encode()).digest()
    sys.stdout.write(json.dumps({"index": line["index"], "output": digest.hex()[:8]}) + "\\n")
    sys.stdout.flush()
"""


def cpu(pid: int) -> float:
    """Seconds on a processor of a process's threads so far."""
    tasks = pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


def children_cpu(pid: int) -> float:
    """Seconds on a processor of a process's children that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


class Watchers:
    """Reads and drops whatever the server sends; answers its pings with nothing for a short run."""

    def __init__(self, port: int, job: str, count: int):
        self.selector = selectors.DefaultSelector()
        self.bytes = 0
        self.stopped = False
        key = base64.b64encode(os.urandom(16)).decode()
        request = (
            f"GET /api/v1/jobs/{job}/stream HTTP/1.1\r\nHost: localhost:{port}\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: headway.v1\r\n\r\n"
        ).encode()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port), timeout=10)
            connection.sendall(request)
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self) -> None:
        while not self.stopped:
            for key, _ in self.selector.select(0.2):
                try:
                    data = key.fileobj.recv(65536)
                except BlockingIOError:
                    continue
                self.bytes += len(data)
                if not data:
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def stop(self) -> None:
        self.stopped = True
        self.thread.join()


def run(arguments, watchers: int) -> dict:
    with tempfile.TemporaryDirectory(prefix="headway-watched-") as name:
        folder = pathlib.Path(name)
        worker = folder / "worker.py"
        worker.write_text(WORKER)
        serve = [arguments.program, "serve", "--listen", "127.0.0.1:0", "--allow-exec"]
        said = subprocess.PIPE
        server = subprocess.Popen(
            [*serve, "--data", str(folder / "data")], stdout=said, stderr=subprocess.DEVNULL, text=True
        )
        try:
            url = server.stdout.readline().split()[-1]
            port = int(url.rsplit(":", 1)[1])
            items = "".join(f"{number}\n" for number in range(arguments.rows))
            executor = {
                "type": "command", "mode": "stream", "processes": 2, "env": ["PATH"],
                "argv": ["python3", str(worker)],
            }  # fmt: skip
            options = json.dumps({"executor": executor, "concurrency": 128, "start": False})
            body = (
                '--x\r\ncontent-disposition: form-data; name="options"\r\n\r\n' + options + "\r\n"
                '--x\r\ncontent-disposition: form-data; name="file"; filename="rows.jsonl"\r\n\r\n'
                + items + "\r\n--x--\r\n"
            ).encode()  # fmt: skip
            headers = {"content-type": "multipart/form-data; boundary=x"}
            request = urllib.request.Request(f"{url}/api/v1/batches", body, headers)
            job = json.load(urllib.request.urlopen(request, timeout=60))["id"]
            crowd = Watchers(port, job, watchers) if watchers else None
            before = cpu(server.pid), children_cpu(server.pid)
            began = time.monotonic()
            headers = {"content-type": "application/json"}
            resume = urllib.request.Request(f"{url}/api/v1/jobs/{job}/resume", b"{}", headers)
            urllib.request.urlopen(resume, timeout=10)
            while True:
                time.sleep(0.3)
                answer = urllib.request.urlopen(f"{url}/api/v1/jobs/{job}", timeout=10)
                document = json.load(answer)
                if document["status"] == "completed":
                    break
                if time.monotonic() - began > 300:
                    raise SystemExit(f"the batch did not end: {document['status']}")
            seconds = time.monotonic() - began
            used = cpu(server.pid) - before[0]
            workers = children_cpu(server.pid) - before[1]
            if crowd:
                crowd.stop()
            return {
                "watchers": watchers,
                "seconds": round(seconds, 2),
                "server_cpu": round(used, 3),
                "worker_cpu": round(workers, 2),
                "received_mib": round(crowd.bytes / 2**20, 1) if crowd else 0,
            }
        finally:
            server.terminate()
            server.wait(timeout=40)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=1_000)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--program", default="target/release/headway")
    arguments = parser.parse_args()
    alone = run(arguments, 0)
    watched = run(arguments, arguments.watchers)
    both = [run["server_cpu"] + run["worker_cpu"] for run in (watched, alone)]
    print(json.dumps({
        "alone": alone,
        "watched": watched,
        "server_ratio": round(watched["server_cpu"] / alone["server_cpu"], 2),
        "with_workers_ratio": round(both[0] / both[1], 2),
    }, indent=2))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
