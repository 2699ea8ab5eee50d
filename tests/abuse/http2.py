"""HTTP/2 as bytes, for clients without manners."""

import asyncio
import ssl
import struct

from raw import Stream

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ENDS_STREAM, ENDS_HEADERS, ACKNOWLEDGES = 1, 4, 1

# Codes of a farewell that say why.
PROTOCOL_ERROR, ENHANCE_YOUR_CALM = 1, 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack("!IBBI", len(payload), kind, flags, stream)[1:] + payload


def fields(path="/healthz"):
    """A request's head: GET and https from the static table, and two literals."""
    path = path.encode()
    return b"\x82\x87\x04" + bytes([len(path)]) + path + b"\x41\x09localhost"


async def greeted(target):
    """A connection that has said what HTTP/2 begins with."""
    trust = ssl.create_default_context(cafile=target.authority)
    trust.set_alpn_protocols(["h2"])
    stream = await Stream.open(target, ssl=trust)
    stream.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS))
    return stream


async def farewell(stream):
    """Reads until the other side closes; the code of its GOAWAY, -1 without one, `None` when it stays."""
    received = await stream.rest()
    if received is None:
        return None
    code = -1
    while len(received) >= 9:
        size = int.from_bytes(received[:3], "big")
        if received[3] == GOAWAY and size >= 8:
            code = int.from_bytes(received[13:17], "big")
        received = received[9 + size:]
    return code


async def flood(target, beginning, piece):
    """Sends a beginning, and then as many pieces as are taken; the farewell."""
    stream = await greeted(target)
    code = asyncio.create_task(farewell(stream))
    stream.send(beginning)
    number = 0
    while not code.done() and await stream.push(piece(number)):
        number += 1
        await asyncio.sleep(0)
    code = await code
    stream.abort()
    return code
