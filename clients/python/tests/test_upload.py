"""What is sent in pieces: an answer that comes before its end is heard, and time is given for each piece."""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from unittest import IsolatedAsyncioTestCase, main, mock

from headway import AsyncHeadway, Headway, HeadwayError
from headway.http import aio, blocking
from headway.http.address import server_address
from headway.http.aio import AsyncConnection
from headway.http.blocking import Connection
from headway.http.exchange import Request
from support.bounded import PATIENCE, Bounded
from support.peer import Peer, cut, head_of
from support.server import Server

LARGE = 20_000_000
"""More than what two sockets hold between them."""
TLS = Path(__file__).parent / "support/tls"
REFUSED = b'{"code":"invalid","detail":"no","status":422,"field":"kind"}'
HEAD = b"HTTP/1.1 422 No\r\nContent-Length: %d\r\n" % len(REFUSED)


class UploadTest(Bounded, IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))

    async def asyncSetUp(self) -> None:
        # What is large here takes its time in the loop, of which its debug mode would tell.
        asyncio.get_running_loop().slow_callback_duration = self.patience

    def file(self, size: int = LARGE) -> Path:
        file = self.folder / "rows.csv"
        file.write_bytes(b"text\n" + b"a\n" * (size // 2))
        return file

    async def refusals(
        self, url: str, file: Path, *, tls: ssl.SSLContext | None = None, token: str | None = None
    ) -> list[HeadwayError]:
        """What each face is told of an upload that is not taken."""
        with self.assertRaises(HeadwayError) as one:
            await asyncio.to_thread(Headway(url, token, tls=tls).batches.upload, file, kind="nope")
        with self.assertRaises(HeadwayError) as other:
            await AsyncHeadway(url, token, tls=tls).batches.upload(file, kind="nope")
        return [one.exception, other.exception]


class RefusedTest(UploadTest):
    def assert_invalid(self, errors: list[HeadwayError]) -> None:
        for error in errors:
            self.assertEqual((error.code, error.field, error.retryable), ("invalid", "kind", False), error)

    async def test_a_file_that_is_refused_before_its_end(self) -> None:
        with Server() as server:
            for size in (LARGE, 6):
                for attempt in range(5):
                    with self.subTest(size=size, attempt=attempt):
                        self.assert_invalid(await self.refusals(server.url, self.file(size)))

    async def test_a_file_that_is_refused_before_its_end_over_tls(self) -> None:
        settings = {"HEADWAY_TLS_CERTIFICATE": TLS / "certificate.pem", "HEADWAY_TLS_KEY": TLS / "key.pem"}
        trusted = ssl.create_default_context(cafile=TLS / "authority.pem")
        with Server(**{name: str(path) for name, path in settings.items()}) as server:
            url = f"https://{server.address}"
            for attempt in range(5):
                with self.subTest(attempt=attempt):
                    self.assert_invalid(await self.refusals(url, self.file(), tls=trusted))

    async def test_nobody_is_let_in(self) -> None:
        key = "an-example-key-of-at-least-32-characters"
        with Server("--sign-in", "keys", HEADWAY_ADMIN_KEY=key) as server:
            for error in await self.refusals(server.url, self.file(), token="hw_nobody"):
                self.assertEqual((error.code, error.status, error.retryable), ("unauthenticated", 401, False))

    async def test_a_list_that_is_too_large(self) -> None:
        items = ["a" * 1000] * (LARGE // 1000)
        with Server() as server:
            with self.assertRaises(HeadwayError) as one:
                await asyncio.to_thread(Headway(server.url).batches.create, items, kind="nope")
            with self.assertRaises(HeadwayError) as other:
                await AsyncHeadway(server.url).batches.create(items, kind="nope")
        for error in (one.exception, other.exception):
            self.assertEqual((error.status, error.retryable), (413, False), error)

    async def test_who_answers_and_neither_reads_on_nor_closes(self) -> None:
        def serve(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"\r\n" + REFUSED)
            peer.over.wait(60)

        with Peer(serve) as peer:
            self.assert_invalid(await self.refusals(peer.url, self.file()))


class CutTest(UploadTest):
    async def test_a_connection_that_is_cut_in_the_middle(self) -> None:
        def serve(connection: socket.socket) -> None:
            head_of(connection)
            cut(connection)

        with Peer(serve) as peer:
            for error in await self.refusals(peer.url, self.file()):
                self.assertEqual((error.code, error.status, error.retryable), ("unreachable", None, True))

    async def test_an_answer_that_is_cut_in_the_middle(self) -> None:
        def serve(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(HEAD + b"\r\n" + REFUSED[:10])
            cut(connection)

        with Peer(serve) as peer:
            for error in await self.refusals(peer.url, self.file()):
                self.assertEqual((error.code, error.status, error.retryable), ("unreachable", None, True))

    async def test_an_answer_that_ends_before_its_end(self) -> None:
        def serve(connection: socket.socket) -> None:
            first = head_of(connection).partition(b"\r\n")[0]
            status = b"200 OK" if b"results" in first else b"422 No"
            connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 60\r\n\r\n" + b'{"index":0}\n')

        with Peer(serve) as peer:
            one, other = Headway(peer.url), AsyncHeadway(peer.url)
            with self.assertRaises(HeadwayError) as first:
                await asyncio.to_thread(one.jobs.get, "job")
            with self.assertRaises(HeadwayError) as second:
                await other.jobs.get("job")
            with self.assertRaises(HeadwayError) as third:
                await asyncio.to_thread(list, one.batches.results("job"))
            with self.assertRaises(HeadwayError) as fourth:
                _ = [item async for item in other.batches.results("job")]
        for error in (first.exception, second.exception, third.exception, fourth.exception):
            self.assertEqual((error.code, error.retryable), ("unreachable", True), error)
            self.assertIn("the answer broke off", error.detail)

    async def test_a_file_that_becomes_shorter_is_no_matter_of_the_server(self) -> None:
        file = self.file()

        def serve(connection: socket.socket) -> None:
            head_of(connection)
            file.write_bytes(b"text\n")
            while connection.recv(1_000_000):
                pass

        with Peer(serve) as peer:
            with self.assertRaisesRegex(OSError, "became shorter"):
                await asyncio.to_thread(Headway(peer.url).batches.upload, file, kind="nope")
            self.file()
            with self.assertRaisesRegex(OSError, "became shorter"):
                await AsyncHeadway(peer.url).batches.upload(file, kind="nope")


class KeptTest(UploadTest):
    async def test_nothing_follows_a_request_that_was_left_in_the_middle(self) -> None:
        def serve(connection: socket.socket) -> None:
            asked = head_of(connection)
            if asked.startswith(b"POST"):
                connection.sendall(HEAD + b"\r\n" + REFUSED)
                peer.over.wait(60)
            else:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")

        long, short = Request("POST", "/", b"a" * LARGE), Request("GET", "/")
        with Peer(serve) as peer:
            address = server_address(peer.url)
            one, other = Connection(address), AsyncConnection(address)
            for request, status in ((long, 422), (short, 200)):
                self.assertEqual((await asyncio.to_thread(one.exchange, request, None, 30)).status, status)
            for request, status in ((long, 422), (short, 200)):
                self.assertEqual((await other.exchange(request, None, 30)).status, status)
            self.assertEqual(peer.connections, 4)
            one.close()
            other.close()


class LeftTest(UploadTest):
    async def test_an_upload_over_tls_that_is_cancelled_ends_in_the_middle_of_a_piece(self) -> None:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        trusted = ssl.create_default_context(cafile=TLS / "authority.pem")
        sending, ended = threading.Event(), threading.Event()

        def serve(connection: socket.socket) -> None:
            with server.wrap_socket(connection, server_side=True) as secured:
                if head_of(secured).endswith(b"\r\n\r\n"):
                    secured.recv(1)
                sending.set()
                peer.over.wait(PATIENCE)

        class Pieces:
            def __iter__(self) -> Iterator[bytes]:
                try:
                    yield b"a" * LARGE
                finally:
                    ended.set()

        request = Request("POST", "/", Pieces(), {"Content-Length": str(LARGE)})
        with Peer(serve) as peer:
            address = server_address(peer.url.replace("http:", "https:"), trusted)
            asked = asyncio.create_task(AsyncConnection(address).stream(request, None, 600))
            self.assertTrue(await asyncio.to_thread(sending.wait, PATIENCE))
            asked.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await asked
            self.assertTrue(
                await asyncio.to_thread(ended.wait, PATIENCE / 2), "the piece is still being sent"
            )


class PaceTest(UploadTest):
    async def test_a_long_upload_has_time_for_each_of_its_pieces(self) -> None:
        now = 0.0
        clock = SimpleNamespace(monotonic=lambda: now)

        def slow() -> Iterator[bytes]:
            nonlocal now
            for _ in range(5):
                now += 20
                yield b"a" * 1000

        def serve(connection: socket.socket) -> None:
            left = 5000 - len(head_of(connection).partition(b"\r\n\r\n")[2])
            while left > 0:
                left -= len(connection.recv(64 * 1024))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        class Pieces:
            def __iter__(self) -> Iterator[bytes]:
                return slow()

        request = Request("POST", "/", Pieces(), {"Content-Length": "5000"})
        with (
            Peer(serve) as peer,
            mock.patch.object(blocking, "time", clock),
            mock.patch.object(aio, "time", clock),
        ):
            address = server_address(peer.url)
            answer = await asyncio.to_thread(Connection(address).stream, request, None, 30)
            self.assertEqual(answer.whole(30).body, b"{}")
            answers = await AsyncConnection(address).stream(request, None, 30)
            self.assertEqual((await answers.whole(30)).body, b"{}")


if __name__ == "__main__":
    main()
