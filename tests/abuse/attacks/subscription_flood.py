"""More subscriptions than one may have, to jobs that are not there and to one that is."""

import asyncio
import json

from raw import TEXT, Stream, frame, gather

EACH = 20
COUNT = 2_000

WHAT = f"{EACH * 2} floods of subscriptions"


async def one(target, job):
    stream = await Stream.watch(target)
    code = asyncio.create_task(stream.close_code())
    for number in range(COUNT):
        asked = {"type": "subscribe", "id": str(number), "job": job(number), "events": True}
        if code.done() or not await stream.push(frame(TEXT, json.dumps(asked).encode())):
            break
    code = await code
    stream.abort()
    return "stayed" if code is None else "let go"


async def attack(target):
    return await gather(
        one(target, job)
        for job in (lambda number: f"job_none_{number}", lambda _: target.job)
        for _ in range(EACH)
    )


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * 2})
