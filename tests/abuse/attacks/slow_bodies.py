"""Bodies that come one byte a second: with a length, in chunks, and as an upload."""

import asyncio

from raw import Stream, gather

EACH = 100
BOUNDARY = "b"
BEGINNING = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="options"\r\n\r\n{{"kind":"work"}}\r\n'
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="f.jsonl"\r\n\r\n'
)

WHAT = f"{EACH * 3} bodies at a byte a second"


def requests(target):
    common = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    json = f"Host: x\r\nContent-Type: application/json\r\n{common}"
    form = f"Host: x\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n{common}"
    return [
        (f"POST /api/v1/jobs HTTP/1.1\r\n{json}Content-Length: 100000\r\n\r\n", lambda: b" "),
        (f"POST /api/v1/jobs HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n\r\n", lambda: b"1\r\n \r\n"),
        (f"POST /api/v1/batches HTTP/1.1\r\n{form}Content-Length: 100000\r\n\r\n{BEGINNING}", lambda: b"1"),
    ]


async def one(target, head, piece):
    stream = await Stream.open(target)
    rest = asyncio.create_task(stream.rest())
    stream.send(head.encode())
    while not rest.done() and await stream.push(piece()):
        await asyncio.wait([rest], timeout=1)
    received = await rest
    stream.abort()
    return "stayed" if received is None else "let go"


async def attack(target):
    return await gather(
        one(target, head, piece) for head, piece in requests(target) for _ in range(EACH)
    )


def check(case, outcome):
    case.assertEqual(outcome, {"let go": EACH * 3})
