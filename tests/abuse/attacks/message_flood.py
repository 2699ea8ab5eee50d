"""Messages as fast as the sockets take them: ones that cannot be understood, and ones that can."""

import asyncio
import json

from raw import TEXT, Stream, frame, gather

EACH = 20

WHAT = f"{EACH * 3} floods of messages"

# What is sent, and the codes that may answer it.
MESSAGES = {
    "nonsense": (b"{", {"1008", "4029"}),
    "deep": (b"[" * 60_000, {"1008", "4029"}),
    "ping": (json.dumps({"type": "ping"}).encode(), {"4029"}),
}


async def one(target, name, message):
    stream = await Stream.watch(target)
    code = asyncio.create_task(stream.close_code())
    messages = frame(TEXT, message) * 20
    while not code.done() and await stream.push(messages):
        await asyncio.sleep(0)
    code = await code
    stream.abort()
    return f"{name} {code}"


async def attack(target):
    return await gather(
        one(target, name, message) for name, (message, _) in MESSAGES.items() for _ in range(EACH)
    )


def check(case, outcome):
    # A close that was sent while much was still coming may be lost with the connection.
    allowed = {f"{name} {code}" for name, (_, codes) in MESSAGES.items() for code in {*codes, "0"}}
    case.assertLessEqual(set(outcome), allowed)
    case.assertEqual(sum(outcome.values()), EACH * len(MESSAGES))
