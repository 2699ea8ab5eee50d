"""HTTP/2 connections that ask for nothing, and some that do not take what they asked for."""

from http2 import (ENDS_HEADERS, ENDS_STREAM, HEADERS, SETTINGS, farewell, fields, frame, greeted)
from raw import gather

EACH = 200

WHAT = f"{EACH * 2} HTTP/2 connections that wait for nothing"


async def idle(target):
    stream = await greeted(target)
    return await ended(stream)


async def without_window(target):
    """Asks for the page, and has no room for a byte of it."""
    stream = await greeted(target)
    nothing = (4).to_bytes(2, "big") + bytes(4)
    stream.send(frame(SETTINGS, 0, 0, nothing))
    stream.send(frame(HEADERS, ENDS_STREAM | ENDS_HEADERS, 1, fields("/")))
    return await ended(stream)


async def ended(stream):
    code = await farewell(stream)
    stream.abort()
    return "stayed" if code is None else "let go"


async def attack(target):
    return {
        "idle": await gather(idle(target) for _ in range(EACH)),
        "without window": await gather(without_window(target) for _ in range(EACH)),
    }


def check(case, outcome):
    case.assertEqual(outcome, {"idle": {"let go": EACH}, "without window": {"let go": EACH}})
