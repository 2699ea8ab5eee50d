"""A service that scores leads, as one is found behind an API: slow, limited, and not always well.

`POST /score` takes a lead and answers with its score and what that used. Standard library only.

- It takes its time: mostly 0.1 to 0.5 s, now and then a second and more.
- It takes 45 requests in any second and answers others with 429 and `Retry-After`.
- Some requests fail with 500, some with 503 and `Retry-After`. Asked again, the lead is scored.
- A lead that tells too little is refused with 422, however often it is sent.
- A request with an `Idempotency-Key` that was answered before gets the same answer, and uses nothing.

What goes wrong is drawn from the seed, the lead and how often it was sent under its key, so that two
runs differ in nothing but their timing. `GET /stats` counts what was answered.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import threading
import time
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PER_SECOND = 45
"""Requests that are taken in any second."""

PROMPT_TOKENS = 410
"""What is sent to the model beside the lead itself."""

BROKEN, BUSY = 0.03, 0.02
"""How many of the requests fail with 500, and with 503."""

KEYS_KEPT = 100_000
"""Idempotency keys that are remembered, the newest."""

LARGEST_BODY = 64 * 1024

WANTED = {
    "software": 22,
    "logistics": 18,
    "machinery": 16,
    "energy": 14,
    "health": 10,
    "food": 8,
    "retail": 6,
}
SIGNS = (
    ("Budget is set", 14, "has a budget"),
    ("used every day", 16, "uses the trial"),
    ("answer by the end", 10, "wants an answer soon"),
    ("price list", 6, "asked for prices"),
    ("Came back", 6, "came back"),
    ("Only looking around", -14, "is only looking"),
    ("purchasing", -4, "has a long way to an order"),
)


class RefusedLeadError(Exception):
    """A lead that cannot be scored, with a sentence that says why."""


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: dict[str, Any]
    retry_after: int | None = None


@dataclass
class Key:
    """What was asked under one idempotency key. A repeat waits until the first has its answer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tries: int = 0
    answer: Answer | None = None


def tokens(text: str) -> int:
    """How many tokens a text has, for a model that cuts words into pieces of four letters."""
    return sum(-(-len(word) // 4) for word in re.findall(r"\w+|[^\w\s]", text))


def score(lead: dict[str, str], chance: random.Random) -> dict[str, Any]:
    """The score of a lead, 0 to 100, why, and what it took to find out."""
    if not lead.get("country"):
        raise RefusedLeadError("The lead has no country.")
    employees = lead.get("employees", "")
    if not employees.isdecimal():
        raise RefusedLeadError(f"The number of employees is {employees!r}, which is no number.")
    points = 30 + WANTED.get(lead.get("industry", ""), 0) + min(20, int(employees) // 20)
    reasons = []
    for words, weight, reason in SIGNS:
        if words in lead.get("note", ""):
            points += weight
            reasons.append(reason)
    points = max(0, min(100, points))
    return {
        "score": points,
        "band": "A" if points >= 75 else "B" if points >= 50 else "C",
        "reasons": reasons,
        "usage": {
            "input_tokens": PROMPT_TOKENS + sum(tokens(value) for value in lead.values()),
            "output_tokens": round((110 + 18 * len(reasons)) * chance.uniform(0.75, 1.25)),
        },
    }


@dataclass
class Scorer:
    """Everything that the service knows. Its members are guarded by `lock`, those of a key by the key's."""

    seed: int
    slowness: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    taken: deque[float] = field(default_factory=deque)
    keys: OrderedDict[str, Key] = field(default_factory=OrderedDict)
    answered: Counter[int] = field(default_factory=Counter)

    def answer(self, name: str, lead: dict[str, str]) -> Answer:
        """Answers one request, after as long as that takes."""
        with self.lock:
            key = self._admit(name)
        if key is None:
            sentence = f"More than {PER_SECOND} requests in a second. Come back in a second."
            answer = Answer(429, {"error": sentence}, retry_after=1)
        else:
            answer = self._under(key, lead)
        with self.lock:
            self.answered[answer.status] += 1
        return answer

    def _admit(self, name: str) -> Key | None:
        """The idempotency key of a request, or nothing if there were too many in the last second."""
        now = time.monotonic()
        while self.taken and self.taken[0] <= now - 1:
            self.taken.popleft()
        if len(self.taken) >= PER_SECOND:
            return None
        self.taken.append(now)
        key = self.keys.setdefault(name, Key())
        self.keys.move_to_end(name)
        while len(self.keys) > KEYS_KEPT:
            self.keys.popitem(last=False)
        return key

    def _under(self, key: Key, lead: dict[str, str]) -> Answer:
        """The answer that was given under a key, or a new one, which is kept if it is final."""
        with key.lock:
            if key.answer is not None:
                return key.answer
            key.tries += 1
            chance = random.Random(f"{self.seed}/{lead.get('custom_id')}/{key.tries}")
            time.sleep(self.slowness * chance.lognormvariate(-1.4, 0.5))
            answer = self._worked_out(lead, chance)
            if answer.status in (200, 422):
                key.answer = answer
            return answer

    def _worked_out(self, lead: dict[str, str], chance: random.Random) -> Answer:
        """What a look at the lead leads to."""
        fate = chance.random()
        if fate < BROKEN:
            return Answer(500, {"error": "The model stopped in the middle of its answer."})
        if fate < BROKEN + BUSY:
            return Answer(503, {"error": "All models are busy."}, retry_after=1)
        try:
            return Answer(200, score(lead, chance))
        except RefusedLeadError as refusal:
            return Answer(422, {"error": str(refusal)})

    def stats(self) -> dict[str, int]:
        """How many requests were answered with each status."""
        with self.lock:
            return {str(status): count for status, count in sorted(self.answered.items())}


class Handler(BaseHTTPRequestHandler):
    """One connection, which stays open for the next request."""

    protocol_version = "HTTP/1.1"
    # An answer is written in two parts: without this the second may wait for the other side.
    disable_nagle_algorithm = True
    scorer: Scorer

    def do_POST(self) -> None:
        """Scores a lead."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._send(Answer(413, {"error": f"A lead has at most {LARGEST_BODY} bytes."}))
            return
        body = self.rfile.read(int(length))
        if self.path != "/score":
            self._send(Answer(404, {"error": "Leads are sent to /score."}))
            return
        lead = read_lead(body)
        if lead is None:
            self._send(Answer(400, {"error": "The body is not a lead: an object of texts."}))
            return
        key = self.headers.get("Idempotency-Key") or f"lead {lead.get('custom_id')}"
        self._send(self.scorer.answer(key, lead))

    def do_GET(self) -> None:
        """Tells what was answered."""
        if self.path == "/stats":
            self._send(Answer(200, {"answered": self.scorer.stats()}))
        else:
            self._send(Answer(404, {"error": "There is /stats, and /score to send leads to."}))

    def _send(self, answer: Answer) -> None:
        body = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if answer.retry_after is not None:
            self.send_header("Retry-After", str(answer.retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        """Nothing is written for each request; there is `/stats`."""


def read_lead(body: bytes) -> dict[str, str] | None:
    """The lead that a body holds, if it is one."""
    try:
        lead = json.loads(body)
    except ValueError:
        return None
    if not isinstance(lead, dict) or not all(isinstance(value, str) for value in lead.values()):
        return None
    return lead


class Server(ThreadingHTTPServer):
    """Serves each connection in a thread of its own."""

    daemon_threads = True
    # All slots of a batch connect at the same moment.
    request_queue_size = 128


def serve(port: int, scorer: Scorer) -> Server:
    """A server that is bound and does not serve yet."""
    handler = type("ScoringHandler", (Handler,), {"scorer": scorer})
    return Server(("127.0.0.1", port), handler)


def main() -> None:
    """Serves until it is ended. Prints its address when it is ready."""
    arguments = argparse.ArgumentParser(description="A service that scores leads.")
    arguments.add_argument("--port", type=int, default=8088, help="0 takes a free one")
    arguments.add_argument("--seed", type=int, default=7, help="what goes wrong is drawn from it")
    arguments.add_argument("--slowness", type=float, default=1.0, help="0.1 is ten times as fast")
    chosen = arguments.parse_args()
    server = serve(chosen.port, Scorer(chosen.seed, chosen.slowness))
    print(f"Scoring leads at http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
