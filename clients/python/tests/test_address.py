"""Where a server may be: other hosts and paths, behind TLS, and what answers there that is none."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from pathlib import Path
from unittest import IsolatedAsyncioTestCase, main, mock

from headway import AsyncHeadway, AsyncReporter, Headway, HeadwayError, Reporter
from headway.http.address import server_address
from headway.watching.connection import TransportName
from headway.watching.lines import LineClosed
from headway.watching.sockets import AsyncSocketLine, SocketLine
from support.bounded import Bounded
from support.peer import BlackHole, Peer, cut, head_of
from support.server import Server

TLS = Path(__file__).parent / "support/tls"
TRANSPORTS: tuple[TransportName, ...] = ("websocket", "events", "poll")
NO_JOBS = b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"jobs":[]}'


class AddressTest(Bounded, IsolatedAsyncioTestCase):
    def test_what_is_no_address(self) -> None:
        for url in (
            "127.0.0.1:4323",
            "http://",
            "http://a b",
            f"http://{'a' * 70}.b",
            "http://h:0",
            "http://h:x",
        ):
            with self.subTest(url), self.assertRaises(ValueError):
                server_address(url)

    def test_names_beyond_ascii_are_written_as_they_are_sent(self) -> None:
        address = server_address("http://b\u00fccher.example/\u00fc b/c%20d/")
        self.assertEqual((address.host, address.prefix), ("xn--bcher-kva.example", "/%C3%BC%20b/c%20d"))

    async def heads(self, host: str, path: str) -> list[list[bytes]]:
        """The first line and the host that each face sends."""
        heads: list[bytes] = []

        def serve(connection: socket.socket) -> None:
            heads.append(head_of(connection))
            connection.sendall(NO_JOBS)

        with Peer(serve, host) as peer:
            await asyncio.to_thread(Headway(peer.url + path).jobs.list)
            await AsyncHeadway(peer.url + path).jobs.list()
            self.said = peer.url.removeprefix("http://").encode()
        lines = [head.split(b"\r\n") for head in heads]
        return [[head[0], next(line for line in head if line.startswith(b"Host: "))] for head in lines]

    async def test_a_path_before_the_server_s_own(self) -> None:
        expected = b"GET /base%20of/api/v1/jobs HTTP/1.1"
        heads = await self.heads("127.0.0.1", "/base of/")
        self.assertEqual(heads, [[expected, b"Host: " + self.said]] * 2)

    async def test_an_address_of_the_sixth_version(self) -> None:
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError:
            self.skipTest("there are no such addresses here")
        heads = await self.heads("::1", "")
        self.assertEqual(heads, [[b"GET /api/v1/jobs HTTP/1.1", b"Host: " + self.said]] * 2)

    async def test_proxies_of_the_environment_are_not_used(self) -> None:
        with mock.patch.dict(
            os.environ, {"http_proxy": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1"}
        ):
            self.assertEqual(len(await self.heads("127.0.0.1", "")), 2)

    async def test_where_a_redirect_leads_is_said_and_not_followed(self) -> None:
        def serve(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 301 No\r\nLocation: https://other/x\r\nContent-Length: 0\r\n\r\n")

        with Peer(serve) as peer:
            with self.assertRaises(HeadwayError) as one:
                await asyncio.to_thread(Headway(peer.url).jobs.list)
            with self.assertRaises(HeadwayError) as other:
                await AsyncHeadway(peer.url).jobs.list()
            self.assertEqual(peer.connections, 2)
        for error in (one.exception, other.exception):
            self.assertEqual((error.code, error.status, error.retryable), ("unexpected", 301, False))
            self.assertIn("https://other/x", error.detail)


class AskingTest(Bounded, IsolatedAsyncioTestCase):
    async def test_both_faces_say_the_same_of_what_cannot_be_sent(self) -> None:
        one, other = Headway("http://127.0.0.1:1"), AsyncHeadway("http://127.0.0.1:1")
        for key in ("one\r\nX-Two: 2", "\u20ac"):
            with self.subTest(key):
                with self.assertRaises(ValueError):
                    await asyncio.to_thread(one.jobs.create, "import", idempotency_key=key)
                with self.assertRaises(ValueError):
                    await other.jobs.create("import", idempotency_key=key)

    async def test_both_faces_say_the_same_of_an_answer_that_does_not_come(self) -> None:
        with BlackHole() as hole:
            with self.assertRaises(HeadwayError) as one:
                await asyncio.to_thread(Headway(hole.url, timeout=0.1).jobs.list)
            with self.assertRaises(HeadwayError) as other:
                await AsyncHeadway(hole.url, timeout=0.1).jobs.list()
        self.assertEqual(str(one.exception), str(other.exception))
        self.assertIn("no whole answer came in time", str(one.exception))


class HandshakeTest(Bounded, IsolatedAsyncioTestCase):
    async def test_a_socket_that_is_cut_while_it_opens_is_a_connection_that_was_lost(self) -> None:
        with Peer(cut) as peer:
            address = server_address(peer.url)
            # What the cut meets, the connecting, the request or the answer, is a matter of chance.
            for _ in range(50):
                with self.assertRaises(LineClosed):
                    await asyncio.to_thread(SocketLine(address, "/", None).open, 30)
                with self.assertRaises(LineClosed):
                    await AsyncSocketLine(address, "/", None).open(30)


class TlsTest(Bounded, IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        settings = {"HEADWAY_TLS_CERTIFICATE": TLS / "certificate.pem", "HEADWAY_TLS_KEY": TLS / "key.pem"}
        server = self.enterContext(Server(**{name: str(path) for name, path in settings.items()}))
        self.url = f"https://{server.address}"
        logging.disable(logging.ERROR)
        self.addCleanup(logging.disable, logging.NOTSET)
        self.trusted = ssl.create_default_context(cafile=TLS / "authority.pem")

    async def test_a_server_whose_authority_is_trusted(self) -> None:
        def work() -> str:
            with Reporter.job("import", url=self.url, tls=self.trusted) as job:
                self.assertTrue(job.flush(60))
            return job.id

        async with AsyncReporter.job("import", url=self.url, tls=self.trusted) as job:
            self.assertTrue(await job.flush(60))
        for name in (job.id, await asyncio.to_thread(work)):
            for transport in TRANSPORTS:
                with self.subTest(transport):
                    one = Headway(self.url, tls=self.trusted, transports=[transport])
                    other = AsyncHeadway(self.url, tls=self.trusted, transports=[transport])
                    self.assertEqual((await asyncio.to_thread(one.wait, name))["status"], "completed")
                    self.assertEqual((await other.wait(name))["status"], "completed")

    async def test_a_server_that_is_not_trusted_is_an_error_at_once(self) -> None:
        for transport in TRANSPORTS:
            one = Headway(self.url, transports=[transport])
            other = AsyncHeadway(self.url, transports=[transport])
            for name in ("ask", "watch"):
                with self.subTest(transport, asked=name):
                    with self.assertRaises(HeadwayError) as first:
                        await asyncio.to_thread(one.jobs.get if name == "ask" else one.wait, "job")
                    with self.assertRaises(HeadwayError) as second:
                        await (other.jobs.get("job") if name == "ask" else other.wait("job"))
                    for error in (first.exception, second.exception):
                        self.assertEqual((error.code, error.retryable), ("unreachable", False), error)
                        self.assertIn("is not trusted", error.detail)


if __name__ == "__main__":
    main()
