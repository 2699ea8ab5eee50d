"""10,000 connections that say nothing."""

import asyncio

from raw import Stream, gather

COUNT = 10_000
AT_ONCE = 250

WHAT = "10,000 half-open handshakes"


async def one(target, places):
    async with places:
        stream = await Stream.open(target)
    received = await stream.rest()
    stream.abort()
    if received is None:
        return "stayed"
    # Whoever comes when all places are taken is told so.
    return "refused" if received.startswith(b"HTTP/1.1 503") else "let go"


async def attack(target):
    places = asyncio.Semaphore(AT_ONCE)
    return await gather(one(target, places) for _ in range(COUNT))


def check(case, outcome):
    case.assertEqual(outcome.get("let go", 0) + outcome.get("refused", 0), COUNT, outcome)
    case.assertGreater(outcome["let go"], COUNT * 9 // 10, outcome)
