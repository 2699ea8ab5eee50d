"""HTTP/2 frames that ask for an answer each, by clients who do not read the answers."""

import asyncio

from http2 import PING, SETTINGS, frame, greeted
from raw import gather

EACH = 20

WHAT = f"{EACH * 2} floods of HTTP/2 control frames"


async def one(target, piece):
    stream = await greeted(target)
    await stream.reader.read(1)
    stream.writer.transport.pause_reading()
    try:
        async with asyncio.timeout(25):
            # Whoever does not read is not read either: this stops, and then the other side gives up.
            while await stream.push(piece):
                await asyncio.sleep(0)
    except TimeoutError:
        return "stayed"
    finally:
        stream.abort()
    return "let go"


async def attack(target):
    pieces = [frame(PING, 0, 0, b"x" * 8) * 500, frame(SETTINGS) * 500]
    return await gather(one(target, piece) for piece in pieces for _ in range(EACH))


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * 2})
