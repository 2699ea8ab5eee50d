"""Watchers who ask for every event of a busy job and read nothing."""

import asyncio
import json
import socket

from raw import LONGEST, Stream, TEXT, frame, gather

# Each may leave a mebibyte unread, before the kernel's own buffers.
COUNT = 150
EVENTS = 400
EVENT_BYTES = 8_000

WHAT = f"{COUNT} watchers who never read"


async def report(target):
    """Makes the job say much more than sockets hold."""
    stream = await Stream.open(target)
    events = json.dumps([{"type": "log", "message": "x" * EVENT_BYTES}] * 20)
    lines = [f"POST /api/v1/jobs/{target.own_job}/events HTTP/1.1", "Host: x",
             "Content-Type: application/json", f"Content-Length: {len(events)}",
             *(f"{name}: {value}" for name, value in target.headers.items())]
    for _ in range(EVENTS // 20):
        stream.send(("\r\n".join([*lines, "", ""]) + events).encode())
        head = await stream.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(f"a report was refused: {head}")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await stream.reader.readexactly(length)
    stream.abort()


async def one(target, watching):
    stream = await Stream.watch(target)
    asked = {"type": "subscribe", "id": "1", "job": target.own_job, "events": True}
    # From here on the transport reads nothing, and the kernel takes little.
    stream.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stream.writer.transport.pause_reading()
    stream.send(frame(TEXT, json.dumps(asked).encode()))
    watching.release()
    return await let_go(stream)


async def let_go(stream):
    """Whether the other side gives up: what is written then is refused."""
    end = asyncio.get_running_loop().time() + LONGEST
    while asyncio.get_running_loop().time() < end:
        if not await stream.push(frame(10)):
            return "let go"
        await asyncio.sleep(0.5)
    stream.abort()
    return "stayed"


async def attack(target):
    watching = asyncio.Semaphore(0)
    watchers = asyncio.create_task(gather(one(target, watching) for _ in range(COUNT)))
    for _ in range(COUNT):
        await watching.acquire()
    await report(target)
    return await watchers


def check(case, outcome):
    case.assertEqual(outcome, {"let go": COUNT})
