"""Clients that nobody here wrote read the stream: the websockets library and urllib."""

import json
import unittest
import urllib.request

from websockets.sync.client import connect

from bounded import PATIENCE, Bounded, within
from server import Server


def merged(target, patch):
    """A merge patch (RFC 7396) applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Watcher:
    """Folds messages as the protocol says, and refuses a patch that does not fit."""

    def __init__(self, cursor=None):
        self.cursor = cursor
        self.state = None
        self.events = []
        self.end = None
        self.recovered = False

    def take(self, message):
        """Takes one message; whether it was the last."""
        kind = message["type"]
        if kind == "snapshot":
            self.state, self.cursor = message["state"], message["cursor"]
        elif kind == "update":
            if message["prev"] != self.cursor:
                raise AssertionError(f"holds {self.cursor}, got {message}")
            self.state = merged(self.state, message["patch"])
            self.cursor = message["cursor"]
        elif kind == "event":
            self.events.append((message["cursor"], message["event"]["type"]))
        elif kind == "gap":
            raise AssertionError(f"a gap where the log is whole: {message}")
        elif kind == "subscribed":
            self.recovered = message["recovered"] and message["was_recovering"]
        elif kind == "end":
            self.end = message["status"]
        return kind == "end"

    def read(self, messages, what="the end", wanted=lambda message: False):
        """Takes messages until one is so, or the last."""
        with within(PATIENCE, what):
            for message in messages:
                if self.take(message) or wanted(message):
                    return


def open_socket(server):
    return connect(f"ws://{server.address}/api/v1/stream", subprotocols=["headway.v1"])


def websocket_messages(socket, **subscription):
    socket.send(json.dumps({"type": "subscribe", "id": "1", **subscription}))
    for text in socket:
        yield json.loads(text)


def sse_messages(server, path):
    request = urllib.request.Request(
        f"http://{server.address}{path}", headers={"accept": "text/event-stream"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        for line in response:
            if line.startswith(b"data:"):
                yield json.loads(line[5:])


def report(server, job, *events):
    return server.post(f"/api/v1/jobs/{job}/events", list(events))


class StreamTest(Bounded):
    def setUp(self):
        self.server = self.enterContext(Server())
        self.job = self.server.post("/api/v1/jobs", {"kind": "import"})["id"]

    def test_websocket_from_snapshot_to_end(self):
        with open_socket(self.server) as socket:
            self.assertEqual(socket.subprotocol, "headway.v1")
            watcher = Watcher()
            messages = websocket_messages(socket, job=self.job)
            with within(PATIENCE, "a greeting"):
                self.assertEqual(next(messages)["type"], "hello")
            watcher.read(messages, "a snapshot", lambda message: message["type"] == "snapshot")
            report(self.server, self.job, {"type": "progress", "done": 3, "total": 4})
            watcher.read(messages, "75 %", lambda _: watcher.state["progress"].get("percent") == 75)
            report(self.server, self.job, {"type": "complete", "result": {"rows": 4}})
            watcher.read(messages)
        self.assertEqual(watcher.end, "completed")
        self.assertEqual(watcher.state["result"], {"rows": 4})

    def test_events_go_on_after_a_cursor_without_loss_or_repeat(self):
        lines = [{"type": "log", "message": f"line {n}"} for n in range(50)]
        report(self.server, self.job, {"type": "start"}, *lines)
        cursor = report(self.server, self.job, {"type": "log", "message": "held"})["cursor"]
        report(self.server, self.job, *lines, {"type": "complete"})
        with open_socket(self.server) as socket:
            watcher = Watcher(cursor)
            messages = websocket_messages(socket, job=self.job, cursor=cursor, events=True)
            watcher.read(messages, "an answer", lambda message: message["type"] == "subscribed")
            self.assertTrue(watcher.recovered)
            watcher.read(messages)
        self.assertEqual([kind for _, kind in watcher.events], ["log"] * 50 + ["complete"])
        cursors = [cursor for cursor, _ in watcher.events]
        self.assertEqual(len(set(cursors)), len(cursors))

    def test_sse_from_snapshot_to_end_and_never_again(self):
        report(self.server, self.job, {"type": "progress", "percent": 50})
        report(self.server, self.job, {"type": "fail", "error": {"code": "no_rows", "message": "none"}})
        path = f"/api/v1/jobs/{self.job}/stream"
        watcher = Watcher()
        watcher.read(sse_messages(self.server, path))
        self.assertEqual(watcher.end, "failed")
        self.assertEqual(watcher.state["error"]["code"], "no_rows")
        with within(PATIENCE, "an answer that there is no more"):
            again = list(sse_messages(self.server, f"{path}?last_event_id={watcher.cursor}"))
        self.assertEqual(again, [])


if __name__ == "__main__":
    unittest.main()
