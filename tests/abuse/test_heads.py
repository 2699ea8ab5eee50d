"""Requests that are not quite HTTP: each is refused or understood in one way only, and never a fault."""

import re
import unittest

from house import House

GET = "GET /api/v1/jobs HTTP/1.1\r\n"
HOST = "Host: localhost\r\n"
CREATE = '{"kind":"smuggled"}'
LENGTH = f"Content-Length: {len(CREATE)}\r\n"
POST = f"POST /api/v1/jobs HTTP/1.1\r\n{HOST}Content-Type: application/json\r\n"
CLOSE = "Connection: close\r\n"

MANY = "X: y\r\n" * 10_000

# A second request inside of the first one's body: it is answered if two readers disagree on its end.
INSIDE = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

# What is sent, and the statuses that may answer it: one for each request that is understood. An empty
# list: the connection is closed without a word. Bytes above 0x7f are sent as they are.
REFUSED = ["400"], []
CASES = {
    # Where a body ends.
    "two lengths that differ": (f"{POST}{LENGTH}Content-Length: 5\r\n\r\n{CREATE}{INSIDE}", REFUSED),
    "two lengths in one line": (f"{POST}Content-Length: {len(CREATE)}, 5\r\n\r\n{CREATE}", REFUSED),
    "a length with a sign": (f"{POST}Content-Length: +{len(CREATE)}\r\n\r\n{CREATE}", REFUSED),
    "a length below nothing": (f"{POST}Content-Length: -1\r\n\r\n{CREATE}", REFUSED),
    "a length in sixteens": (f"{POST}Content-Length: 0x13\r\n\r\n{CREATE}", REFUSED),
    "a length beyond all numbers": (f"{POST}Content-Length: 99999999999999999999999\r\n\r\n{CREATE}", REFUSED),
    "a length of a petabyte": (f"{POST}{CLOSE}Content-Length: 1000000000000000\r\n\r\n{CREATE}", (["413"],)),
    "a length and chunks": (f"{POST}{LENGTH}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{INSIDE}", (["400"], ["400", "400"], [])),
    "an encoding twice": (f"{POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", REFUSED),
    "an encoding that nobody knows": (f"{POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", REFUSED),
    "chunks that are not last": (f"{POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", REFUSED),
    "an encoding with a space before the colon": (f"{POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", REFUSED),
    "an encoding behind a tab": (f"{POST}{CLOSE}Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", (["400"], [])),
    "chunks in HTTP/1.0": (f"{POST.replace('1.1', '1.0')}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", REFUSED),
    "a chunk's size with a sign": (f"{POST}{CLOSE}Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", REFUSED),
    "a chunk's size beyond all numbers": (f"{POST}{CLOSE}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", REFUSED),
    "a chunk that is longer than it says": (f"{POST}{CLOSE}Transfer-Encoding: chunked\r\n\r\n1\r\nhello\r\n0\r\n\r\n", REFUSED),
    "a chunk with a long extension": (f"{POST}{CLOSE}Transfer-Encoding: chunked\r\n\r\n1;{'x' * 100_000}\r\n ", REFUSED),
    "trailers without end": (f"{POST}{CLOSE}Transfer-Encoding: chunked\r\n\r\n0\r\n{'X: y' * 100_000}\r\n\r\n", REFUSED),
    # Lines.
    "an obsolete continuation line": (f"{GET}{HOST}X: a\r\n b\r\n\r\n", REFUSED),
    "a line that begins with a space": (f"{GET} {HOST}\r\n", REFUSED),
    "a name with a space": (f"{GET}{HOST}X Y: a\r\n\r\n", REFUSED),
    "a name without a value": (f"{GET}{HOST}X\r\n\r\n", REFUSED),
    "an empty name": (f"{GET}{HOST}: a\r\n\r\n", REFUSED),
    "a name with NUL": (f"{GET}{HOST}X\0Y: a\r\n\r\n", REFUSED),
    "a value with NUL": (f"{GET}{HOST}X: a\0b\r\n\r\n", REFUSED),
    "a value with a bare return": (f"{GET}{HOST}X: a\rb\r\n\r\n", REFUSED),
    "a name above ASCII": (f"{GET}{HOST}\xc3\xa4: a\r\n\r\n", REFUSED),
    "ten thousand lines": (f"{GET}{HOST}{MANY}\r\n", (["431"], ["400"], [])),
    "a line of a megabyte": (f"{GET}{HOST}X: {'y' * 1_000_000}\r\n\r\n", (["431"], ["400"], [])),
    # The first line.
    "no host": (f"{GET}{CLOSE}\r\n", (["400"], ["200"])),
    "an address of a megabyte": (f"GET /{'x' * 1_000_000} HTTP/1.1\r\n{HOST}\r\n", (["414"], ["431"], ["400"], [])),
    "an address with NUL": (f"GET /api/v1/jobs/\0 HTTP/1.1\r\n{HOST}\r\n", REFUSED),
    "an address with a space": (f"GET /api/v1/jobs/a b HTTP/1.1\r\n{HOST}\r\n", REFUSED),
    "an address above ASCII": (f"GET /api/v1/jobs/\xff HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["400"], ["404"], [])),
    "no address": (f"GET HTTP/1.1\r\n{HOST}\r\n", REFUSED),
    "another server's address": (f"GET http://other.test/healthz HTTP/1.1\r\nHost: other.test\r\n{CLOSE}\r\n", (["200"], ["400"], ["403"], ["421"])),
    "an asterisk": (f"OPTIONS * HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["400"], ["404"], ["405"], ["204"])),
    "a tunnel": (f"CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n{CLOSE}\r\n", (["400"], ["403"], ["404"], ["405"])),
    "an echo": (f"TRACE /api/v1/jobs HTTP/1.1\r\n{HOST}{CLOSE}Cookie: secret\r\n\r\n", (["405"], ["404"], ["400"])),
    "a method in small letters": (f"get /api/v1/jobs HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["400"], ["405"], ["501"])),
    "a method of a megabyte": (f"{'G' * 1_000_000} / HTTP/1.1\r\n{HOST}\r\n", (["400"], ["405"], ["431"], ["501"], [])),
    "HTTP/0.9": ("GET /healthz\r\n", REFUSED),
    "HTTP/1.2": (f"GET /healthz HTTP/1.2\r\n{HOST}{CLOSE}\r\n", (["400"], ["505"], [])),
    "HTTP/9.9": (f"GET /healthz HTTP/9.9\r\n{HOST}{CLOSE}\r\n", (["400"], ["505"], [])),
    "TLS where there is none": ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\0" * 500, REFUSED),
    "noise": ("\x80\x81\x82\xff\xfe" * 1_000, REFUSED),
    # Paths: an id is one segment, decoded once, and nothing else.
    "a slash in an id": (f"GET /api/v1/jobs/a%2Fb HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "dots in an id": (f"GET /api/v1/jobs/..%2F..%2Fetc%2Fpasswd HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "dots in a path": (f"GET /api/v1/jobs/../../healthz HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "two slashes": (f"GET //api/v1/jobs HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "an encoded path": (f"GET /%61pi/v1/jobs HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"],)),
    "NUL in an id": (f"GET /api/v1/jobs/a%00b HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "a line break in an id": (f"GET /api/v1/jobs/a%0d%0ab HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "an id that is no UTF-8": (f"GET /api/v1/jobs/%ff%fe HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "an id encoded twice": (f"GET /api/v1/jobs/%2561 HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "half an escape": (f"GET /api/v1/jobs/a% HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    "an id of 60 kilobytes": (f"GET /api/v1/jobs/{'x' * 60_000} HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"], ["414"])),
    "a page file outside": (f"GET /..%2f..%2fCargo.toml HTTP/1.1\r\n{HOST}{CLOSE}\r\n", (["404"], ["400"])),
    # Several at once.
    "a body that looks like a request": (
        f"{POST}{CLOSE}Content-Length: {len(INSIDE)}\r\n\r\n{INSIDE}", (["400"],)),
    "a body that is deep": (
        f"{POST}{CLOSE}Content-Length: 500000\r\n\r\n" + '{"a":' * 100_000, (["400"], ["422"])),
    "a body that is deep in a list": (
        f"{POST}{CLOSE}Content-Length: 500000\r\n\r\n" + "[" * 500_000, (["400"], ["422"])),
    "a body of a request that has none": (
        f"GET /healthz HTTP/1.1\r\n{HOST}{CLOSE}Content-Length: {len(INSIDE)}\r\n\r\n{INSIDE}", (["200"],)),
    "an upgrade to what nobody speaks": (
        f"GET /healthz HTTP/1.1\r\n{HOST}Connection: Upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", (["200"],)),
}


class HeadTest(unittest.TestCase):
    def test_every_head_is_read_in_one_way(self):
        with House() as house:
            for name, (sent, allowed) in CASES.items():
                with self.subTest(name):
                    received, closed = house.exchange(sent.encode("latin-1"), patience=15)
                    statuses = re.findall(rb"HTTP/1\.[01] (\d\d\d)", received)
                    self.assertIn([status.decode() for status in statuses], allowed, received[:300])
                    self.assertTrue(closed, "the connection stays open")
                    # What was sent is not sent back.
                    self.assertNotIn(b"Cookie: secret", received)
            self.assertEqual(house.get("/api/v1/jobs")["jobs"], [], "a job came out of nothing")
            self.assertTrue(house.is_alive())
            self.assertNotIn("panicked", house.log())


if __name__ == "__main__":
    unittest.main()
