"""Keys and tokens that nobody has, by the thousand and by every door."""

import asyncio
import base64
import json
import random
import string

from raw import Stream, gather

EACH = 10
COUNT = 200

WHAT = f"{EACH * COUNT} guesses of keys and tokens"

LETTERS = string.ascii_letters + string.digits


def guess(chance):
    """Something that looks like what is let in."""
    word = lambda length: "".join(chance.choices(LETTERS, k=length))
    part = lambda claims: base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    claims = {"sub": "admin", "tenant": "acme", "role": "admin", "exp": 4_000_000_000}
    return chance.choice([
        f"hw_{word(43)}",
        word(40),
        "",
        f"{part({'alg': 'none'})}.{part(claims)}.",
        f"{part({'alg': 'HS256', 'kid': '../../dev/null'})}.{part(claims)}.{word(43)}",
        f"{part({'alg': 'RS256', 'jku': 'http://127.0.0.1:1/'})}.{part(claims)}.{word(342)}",
        "." * 2_000,
    ])


async def one(target, seed):
    """Guesses on one connection after the other; the statuses that came."""
    chance, statuses = random.Random(seed), set()
    for _ in range(COUNT):
        secret = guess(chance)
        path, header = chance.choice([
            (f"/api/v1/jobs/{target.job}", f"Authorization: Bearer {secret}"),
            (f"/api/v1/jobs/{target.job}/stream?token={secret}", "Accept: text/event-stream"),
            (f"/api/v1/stream?ticket={secret}", "Accept: text/event-stream"),
            ("/api/v1/keys", f"Cookie: headway_session={secret}; __Host-headway_session={secret}"),
            ("/metrics", f"Authorization: Basic {base64.b64encode(secret.encode()).decode()}"),
        ])
        stream = await Stream.open(target)
        stream.send(f"GET {path} HTTP/1.1\r\nHost: {target.host}\r\n{header}\r\nConnection: close\r\n\r\n".encode())
        received = await stream.rest()
        stream.abort()
        statuses.add(received[9:12].decode() if received else str(received))
    return " ".join(sorted(statuses))


async def attack(target):
    return await gather(one(target, seed) for seed in range(EACH))


def check(case, outcome):
    statuses = {status for seen in outcome for status in seen.split()}
    case.assertLessEqual(statuses, {"401", "429"})
    # Whoever guesses is slowed down.
    case.assertIn("429", statuses)
