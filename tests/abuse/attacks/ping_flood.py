"""Pings as fast as the sockets take them, by clients who read the pongs and by some who do not."""

import asyncio

from raw import PING, Stream, frame, gather

EACH = 20

WHAT = f"{EACH * 2} floods of pings"


async def one(target, reads):
    stream = await Stream.watch(target)
    if reads:
        rest = asyncio.create_task(stream.rest())
    else:
        stream.writer.transport.pause_reading()
    pings = frame(PING, b"x" * 125) * 500
    try:
        # Whoever sends more than it may is read more slowly, so that this waits, and then is sent away.
        async with asyncio.timeout(25):
            while await stream.push(pings):
                await asyncio.sleep(0)
    except TimeoutError:
        return "stayed"
    finally:
        stream.abort()
    if reads:
        await rest
    return "let go"


async def attack(target):
    return await gather(one(target, reads) for reads in (True, False) for _ in range(EACH))


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * 2})
