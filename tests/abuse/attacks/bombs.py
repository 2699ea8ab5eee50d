"""A few kilobytes that unpack to a hundred megabytes: in messages and in bodies."""

import asyncio
import gzip
import zlib

from raw import TEXT, Stream, frame, gather

EACH = 20
UNPACKED = 100_000_000

WHAT = f"{EACH * 3} compression bombs of 100 MB"


def deflated():
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(1_000_000)
    packed = b"".join(squeeze.compress(block) for _ in range(UNPACKED // len(block)))
    return packed + squeeze.flush(zlib.Z_SYNC_FLUSH)[:-4]


async def message(target, bomb):
    stream = await Stream.watch(target, "permessage-deflate; client_no_context_takeover")
    # As one message in fragments that are each small enough.
    pieces = [bomb[at:at + 16_000] for at in range(0, len(bomb), 16_000)]
    for number, piece in enumerate(pieces):
        first, last = number == 0, number == len(pieces) - 1
        sent = frame(TEXT if first else 0, piece, final=last, reserved=4 if first else 0)
        if not await stream.push(sent):
            break
    code = await stream.close_code()
    stream.abort()
    return f"message {code}"


async def body(target, bomb, path):
    stream = await Stream.open(target)
    headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    stream.send(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{headers}"
        f"Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    )
    await stream.push(bomb)
    received = await stream.rest()
    stream.abort()
    return f"body {received[9:12].decode() if received else received}"


async def attack(target):
    packed, zipped = deflated(), gzip.compress(bytes(UNPACKED))
    events = f"/api/v1/jobs/{target.own_job}/events"
    return await gather(
        [message(target, packed) for _ in range(EACH)]
        + [body(target, zipped, "/api/v1/jobs") for _ in range(EACH)]
        + [body(target, zipped, events) for _ in range(EACH)]
    )


def check(case, outcome):
    case.assertEqual(outcome.pop("message 1009", 0), EACH, outcome)
    # Nothing packed is taken: it is not unpacked to find out.
    case.assertLessEqual(set(outcome), {"body 400", "body 413", "body 415"})
