"""Requests one after the other on a connection, and none of the answers is read."""

import asyncio
import socket

from raw import LONGEST, Stream, gather

COUNT = 200
# Answers of some hundred kilobytes: far more than sockets hold.
REQUESTS = 500

WHAT = f"{COUNT} connections whose answers nobody reads"


async def one(target):
    stream = await Stream.open(target)
    stream.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.writer.transport.pause_reading()
    headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    asked = f"GET /api/v1/openapi.json HTTP/1.1\r\nHost: {target.host}\r\n{headers}\r\n"
    stream.send(asked.encode() * REQUESTS)
    end = asyncio.get_running_loop().time() + LONGEST
    while asyncio.get_running_loop().time() < end:
        if not await stream.push(b"\r\n"):
            return "let go"
        await asyncio.sleep(0.5)
    stream.abort()
    return "stayed"


async def attack(target):
    return await gather(one(target) for _ in range(COUNT))


def check(case, outcome):
    case.assertEqual(outcome, {"let go": COUNT})
