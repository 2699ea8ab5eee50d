"""What belongs to another tenant is answered exactly as if it had never existed, on every route.

The routes come from the server's own description, so that a new one is probed without a word here.
"""

import http.client
import json
import re
import unittest
from urllib.parse import quote

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from house import House

# Bodies by operation, where an empty object would be refused before anybody looks at the name.
BODIES = {
    "report": [{"type": "log", "message": "x"}],
    "appendEvents": [{"type": "log", "message": "x"}],
    # Its items are looked at before the batch decides.
    "retryBatch": {"items": [0]},
}
# Ways to ask for the same thing.
FORMS = [
    {},
    {"Accept": "text/event-stream"},
    {"Accept": "application/x-ndjson"},
    {"If-None-Match": "*"},
    {"Producer-Id": "p", "Producer-Seq": "1"},
    {"Idempotency-Key": "the same"},
]
# What differs between any two answers.
PASSING = {"date", "x-request-id", "request-id", "traceparent", "ratelimit", "ratelimit-policy"}

# A stream that was let in does not end by itself.
LET_IN = 300


class TenantTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.house = cls.enterClassContext(House(sign_in=True))
        house = cls.house
        cls.owner, cls.stranger = house.key("tenant-ours", "admin", "subject-ours"), house.key("tenant-theirs", "admin", "subject-theirs")
        cls.bystander = house.key("tenant-apart", "admin", "subject-apart")
        job = house.post("/api/v1/jobs", {"kind": "seen", "session": "s-ours", "tags": ["t-ours"]}, cls.owner)
        batch = house.post("/api/v1/batches", {"kind": "work", "items": [{"n": 1}], "session": "s-ours"}, cls.owner)
        key = house.get("/api/v1/keys", cls.owner)["keys"][0]
        token = house.post("/api/v1/tokens", {"jobs": [job["id"]]}, cls.owner)
        cls.names = {"job": job["id"], "batch": batch["id"], "key": key["id"], "token": token["id"]}
        cls.routes = list(described(house))
        cls.sockets = list(sockets(house))

    def tearDown(self):
        """No probe of a stranger did anything."""
        job = self.house.get(f"/api/v1/jobs/{self.names['job']}", self.owner)
        self.assertEqual(job["status"], "pending")
        key = self.house.get("/api/v1/keys", self.owner)["keys"][0]
        self.assertIsNone(key.get("revoked_at"))

    def ask(self, method, path, body, headers):
        """The whole answer without what passes; of a stream that was let in only its beginning."""
        connection = http.client.HTTPConnection(self.house.host, self.house.port, timeout=30)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            kept = sorted((n.lower(), v) for n, v in answer.getheaders() if n.lower() not in PASSING)
            endless = answer.getheader("content-type", "").startswith("text/event-stream")
            return answer.status, kept, b"" if endless and answer.status < LET_IN else answer.read()
        finally:
            connection.close()

    def test_every_route_answers_a_stranger_as_if_there_were_nothing(self):
        probed = 0
        for method, path, operation, has_body in self.routes:
            for what, name in self.names.items():
                twin = never(name)
                for form in FORMS:
                    with self.subTest(f"{method} {path}", what=what, form=form):
                        body = BODIES.get(operation, {}) if has_body else None
                        answers = [
                            self.ask(method, filled(path, asked), body, {**self.stranger, **form})
                            for asked in (name, twin)
                        ]
                        there, nowhere = (masked(answer, asked) for answer, asked in zip(answers, (name, twin)))
                        self.assertEqual(there, nowhere)
                        self.assertLess(there[0], 500)
                        probed += 1
        self.assertGreater(probed, 100)

    def test_the_same_probes_tell_the_owner_something(self):
        """Otherwise the test above would hold for routes that answer nobody."""
        for method, path, operation, has_body in self.routes:
            if method != "GET" or path in self.sockets:
                continue
            with self.subTest(f"{method} {path}"):
                differ = [
                    masked(self.ask(method, filled(path, name), None, self.owner), name)
                    != masked(self.ask(method, filled(path, never(name)), None, self.owner), never(name))
                    for name in self.names.values()
                ]
                self.assertIn(True, differ)

    def test_lists_and_selectors_show_nothing_of_others(self):
        paths = ["/api/v1/jobs?limit=100", "/api/v1/jobs?session=s-ours", "/api/v1/jobs?tag=t-ours",
                 "/api/v1/jobs?kind=seen", "/api/v1/jobs?text=seen", "/api/v1/jobs?text=-ours",
                 "/api/v1/keys", "/api/v1/audit", "/api/v1/audit?format=jsonl",
                 "/api/v1/stream?all=true&wait_ms=0", "/api/v1/stream?session=s-ours&wait_ms=0",
                 "/api/v1/stream?tag=t-ours&wait_ms=0"]
        for path in paths:
            with self.subTest(path):
                _, _, shown = self.ask("GET", path, None, self.owner)
                # Somebody who has not tried anything: what one tried oneself is in one's own log.
                status, _, body = self.ask("GET", path, None, self.bystander)
                self.assertLess(status, 300, body)
                owned = [name for name in self.names.values() if name.encode() in shown]
                self.assertEqual([name for name in owned if name.encode() in body], [])
                for word in (b"tenant-ours", b"subject-ours"):
                    self.assertNotIn(word, body)

    def test_subscriptions_and_commands_by_websocket(self):
        for what in ("job", "batch"):
            for make in (
                lambda name: {"type": "subscribe", "id": "1", "job": name},
                lambda name: {"type": "subscribe", "id": "1", "job": name, "events": True},
                lambda name: {"type": "command", "id": "1", "job": name, "action": "cancel"},
            ):
                name = self.names[what]
                with self.subTest(make(name)):
                    self.assertEqual(
                        masked_text(self.said(make(name)), name),
                        masked_text(self.said(make(never(name))), never(name)),
                    )

    def test_older_formats_tell_a_stranger_nothing(self):
        self.assertEqual(len(self.sockets), 3)
        for path in self.sockets:
            told = []
            for name in (self.names["job"], "s-ours"):
                with self.subTest(path, name=name):
                    there, nowhere = (
                        masked_text(self.heard(filled(path, asked), self.stranger), asked)
                        for asked in (name, never(name))
                    )
                    self.assertEqual(there, nowhere)
                told.append(self.heard(filled(path, name), self.owner))
            states = [text for text in told if text.startswith("{") and '"error"' not in text]
            self.assertEqual(len(states), 1, told)

    def heard(self, path, headers):
        """The first message of a WebSocket, and how it is closed if it is."""
        texts = []
        address = f"ws://{self.house.host}:{self.house.port}{path}"
        with connect(address, additional_headers=headers) as stream:
            try:
                texts.append(stream.recv(timeout=30))
                if '"error"' in texts[-1]:
                    stream.recv(timeout=30)
            except ConnectionClosed as closed:
                texts.append(f"{closed.rcvd}")
        # An error says when it happened.
        return re.sub(r'"timestamp":"[^"]*"', "", "\n".join(texts))

    def said(self, message):
        """What comes after `hello`, up to the answer; and how a stream of one job is refused."""
        address = f"ws://{self.house.host}:{self.house.port}/api/v1"
        texts = []
        with connect(f"{address}/stream", subprotocols=["headway.v1"], additional_headers=self.stranger) as stream:
            stream.recv()
            stream.send(json.dumps(message))
            try:
                while True:
                    texts.append(stream.recv(timeout=30))
                    if json.loads(texts[-1])["type"] in ("error", "result", "snapshot"):
                        break
            except ConnectionClosed as closed:
                texts.append(f"{closed.rcvd}")
        try:
            with connect(f"{address}/jobs/{message['job']}/stream", subprotocols=["headway.v1"],
                         additional_headers=self.stranger) as stream:
                while True:
                    texts.append(re.sub(r'"connection":"[^"]*"', "", stream.recv(timeout=30)))
        except ConnectionClosed as closed:
            texts.append(f"{closed.rcvd}")
        except InvalidStatus as refused:
            texts.append(f"{refused.response.status_code} {refused.response.body}")
        return "\n".join(texts)

    def test_what_is_made_with_the_same_words_is_ones_own(self):
        """Keys of idempotency and names of producers belong to a tenant."""
        wanted = {"kind": "seen"}
        made = [self.house.ask("POST", "/api/v1/jobs", wanted, {**who, "Idempotency-Key": "k"})
                for who in (self.owner, self.stranger, self.owner)]
        self.assertEqual([status for status, _, _ in made], [201, 201, 201])
        first, second, again = (body["id"] for _, _, body in made)
        self.assertEqual(first, again)
        self.assertNotEqual(first, second)


def described(house):
    """Method, path, operation and whether there is a body: every route with a name in its path."""
    for path, methods in house.get("/api/v1/openapi.json", house.admin())["paths"].items():
        for method, operation in methods.items():
            if "{" in path and method in ("get", "post", "put", "patch", "delete"):
                yield method.upper(), path, operation["operationId"], "requestBody" in operation


def sockets(house):
    """Paths with a name at which there is a WebSocket and nothing else."""
    for path, methods in house.get("/api/v1/openapi.json", house.admin())["paths"].items():
        replies = methods.get("get", {}).get("responses", {})
        if "{" in path and "101" in replies and "200" not in replies:
            yield path


def never(name):
    """A name of the same form that nobody ever had."""
    return name[:-1] + ("0" if name[-1] != "0" else "1")


def filled(path, name):
    path = re.sub(r"\{[^}]*\}", quote(name, safe=""), path)
    # A poll that is let in would wait for news.
    return f"{path}?wait_ms=0" if path.endswith("/stream") else path


def masked(answer, name):
    status, headers, body = answer
    return status, headers, body.replace(name.encode(), b"NAME")


def masked_text(text, name):
    return text.replace(name, "NAME")


if __name__ == "__main__":
    unittest.main()
