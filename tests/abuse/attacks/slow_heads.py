"""Heads that come one byte a second: of watchers, of other requests, and of nothing that is known."""

import asyncio

from raw import Stream, gather

EACH = 200
HEADS = [
    b"GET /api/v1/stream HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nX: ",
    b"GET /api/v1/jobs HTTP/1.1\r\nHost: x\r\nX: ",
    b"BREW ",
]

WHAT = f"{EACH * len(HEADS)} heads at a byte a second"


async def one(target, head):
    stream = await Stream.open(target)
    rest = asyncio.create_task(stream.rest())
    stream.send(head)
    while not rest.done() and await stream.push(b"x"):
        await asyncio.wait([rest], timeout=1)
    received = await rest
    stream.abort()
    return "stayed" if received is None else "let go"


async def attack(target):
    return await gather(one(target, head) for head in HEADS for _ in range(EACH))


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * len(HEADS)})
