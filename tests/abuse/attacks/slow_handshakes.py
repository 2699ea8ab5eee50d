"""TLS handshakes that come one byte a second, and some that end in the middle."""

import asyncio
import ssl

from raw import Stream, gather

EACH = 200

WHAT = f"{EACH * 2} TLS handshakes that do not end"


def hello(target):
    """What a client says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    trust = ssl.create_default_context(cafile=target.authority)
    session = trust.wrap_bio(incoming, outgoing, server_hostname=target.host)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake of one side")


async def one(target, beginning, rest):
    stream = await Stream.open(target)
    ended = asyncio.create_task(stream.rest())
    stream.send(beginning)
    for at in range(len(rest)):
        if ended.done() or not await stream.push(rest[at:at + 1]):
            break
        await asyncio.wait([ended], timeout=1)
    received = await ended
    stream.abort()
    return "stayed" if received is None else "let go"


async def attack(target):
    said = hello(target)
    cases = [(b"", said), (said, b"")]
    return await gather(one(target, *case) for case in cases for _ in range(EACH))


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * 2})
