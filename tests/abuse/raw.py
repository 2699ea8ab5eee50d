"""Connections without manners: bytes as they are, and WebSocket frames that need not be right."""

import asyncio
import base64
import os
import struct
from collections import Counter

# How long an attacker waits to be let go.
LONGEST = 30.0

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode, payload=b"", *, final=True, masked=True, reserved=0, length=None):
    """A frame of a client; `length` lies about it."""
    first = (0x80 if final else 0) | reserved << 4 | opcode
    mask_bit = 0x80 if masked else 0
    size = len(payload) if length is None else length
    if size < 126 and length is None:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 1 << 16 and length is None:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    # A key of zeros masks nothing, which is all the same to the server.
    return head + (bytes(4) if masked else b"") + payload


class Stream:
    """One connection."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, target, **options):
        return cls(*await asyncio.open_connection(target.host, target.port, **options))

    @classmethod
    async def watch(cls, target, extensions=""):
        """A WebSocket that was let in."""
        stream = await cls.open(target)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = ["GET /api/v1/stream HTTP/1.1", f"Host: {target.host}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}",
                 "Sec-WebSocket-Protocol: headway.v1",
                 *(f"{name}: {value}" for name, value in target.headers.items())]
        if extensions:
            lines.append(f"Sec-WebSocket-Extensions: {extensions}")
        stream.send("\r\n".join([*lines, "", ""]).encode())
        head = await stream.reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise AssertionError(f"no WebSocket but {head}")
        if extensions and extensions.split(";")[0].encode() not in head:
            raise AssertionError(f"no {extensions} in {head}")
        return stream

    def send(self, data):
        self.writer.write(data)

    async def push(self, data):
        """Sends, and waits while the other side takes nothing; whether the connection still is."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except (ConnectionError, OSError):
            return False
        return not self.writer.is_closing()

    async def rest(self):
        """Reads until the other side closes, keeping the last 64 KiB; `None` when it does not."""
        received = b""
        try:
            async with asyncio.timeout(LONGEST):
                while chunk := await self.reader.read(1 << 16):
                    received = (received + chunk)[-(1 << 16):]
        except TimeoutError:
            return None
        except (ConnectionError, OSError):
            pass
        return received

    async def close_code(self):
        """Reads until the other side closes; its close code, 0 when it said none, `None` when it
        stays."""
        received = await self.rest()
        if received is None:
            return None
        code = 0
        while len(received) >= 2:
            opcode, size, start = received[0] & 15, received[1] & 127, 2
            if size == 126:
                size, start = struct.unpack("!H", received[2:4])[0], 4
            elif size == 127:
                size, start = struct.unpack("!Q", received[2:10])[0], 10
            payload, received = received[start:start + size], received[start + size:]
            if opcode == CLOSE and len(payload) >= 2:
                code = struct.unpack("!H", payload[:2])[0]
        return code

    def abort(self):
        self.writer.transport.abort()


async def gather(attackers):
    """Runs them all at once, and counts what came of each."""
    return dict(Counter(str(outcome) for outcome in await asyncio.gather(*attackers)))
