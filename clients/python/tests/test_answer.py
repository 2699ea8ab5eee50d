"""Where an answer ends: with its connection, with its length, or too early."""

from __future__ import annotations

import asyncio
import socket
import threading
from unittest import IsolatedAsyncioTestCase, main

from headway import AsyncHeadway, Headway, HeadwayError
from headway.http.address import server_address
from headway.http.aio import AsyncConnection
from headway.http.blocking import Connection
from headway.http.exchange import Request
from headway.watching.lines import EventsLine, LineClosed
from support.bounded import PATIENCE, Bounded
from support.peer import Peer, head_of

ASKED = Request("GET", "/")
JOBS = b'{"jobs":[%s]}' % b",".join([b'{"id":"a"}'] * 50_000)
"""More than what is read with a head."""
CLOSING = (
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(JOBS),
    b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(JOBS),
)
"""Heads of answers with which the connection ends."""
CUT_HEADS = (
    b"HTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnec",
)


class ClosingTest(Bounded, IsolatedAsyncioTestCase):
    async def test_an_answer_is_read_to_its_end_when_its_connection_ends_with_it(self) -> None:
        for head in CLOSING:

            def serve(connection: socket.socket, head: bytes = head) -> None:
                head_of(connection)
                connection.sendall(head + JOBS)

            with self.subTest(head), Peer(serve) as peer:
                jobs = await asyncio.to_thread(Headway(peer.url).jobs.list)
                self.assertEqual(len(jobs["jobs"]), 50_000)
                self.assertEqual(await AsyncHeadway(peer.url).jobs.list(), jobs)
                kept = Connection(server_address(peer.url))
                for _ in range(2):
                    answer = await asyncio.to_thread(kept.exchange, ASKED, None, PATIENCE)
                    self.assertEqual(answer.body, JOBS)
                self.assertEqual(peer.connections, 4)

    async def test_a_body_may_come_after_its_head(self) -> None:
        for head in CLOSING:
            seen = threading.Semaphore(0)

            def serve(
                connection: socket.socket, head: bytes = head, seen: threading.Semaphore = seen
            ) -> None:
                head_of(connection)
                connection.sendall(head)
                if seen.acquire(timeout=PATIENCE):
                    connection.sendall(JOBS)

            with self.subTest(head), Peer(serve) as peer:
                address = server_address(peer.url)
                answer = await asyncio.to_thread(Connection(address).stream, ASKED, None, PATIENCE)
                seen.release()
                self.assertEqual((await asyncio.to_thread(answer.whole, PATIENCE)).body, JOBS)
                other = await AsyncConnection(address).stream(ASKED, None, PATIENCE)
                seen.release()
                self.assertEqual((await other.whole(PATIENCE)).body, JOBS)

    def test_events_come_until_the_connection_ends(self) -> None:
        seen = threading.Semaphore(0)

        def serve(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\n"
            )
            for number in range(3):
                if seen.acquire(timeout=PATIENCE):
                    connection.sendall(b"data: %d\n\n" % number)
            seen.acquire(timeout=PATIENCE)

        with Peer(serve) as peer:
            line = EventsLine(server_address(peer.url), "/", None)
            line.open(PATIENCE)
            for number in range(3):
                seen.release()
                received: list[object] = []
                while not received:
                    received = line.receive(PATIENCE)
                self.assertEqual(received, [number])
            seen.release()
            with self.assertRaisesRegex(LineClosed, "the stream broke off"):
                line.receive(PATIENCE)
            line.close()


class CutHeadTest(Bounded, IsolatedAsyncioTestCase):
    def cut_after(self, said: bytes) -> Peer:
        def serve(connection: socket.socket) -> None:
            head_of(connection)
            connection.sendall(said)

        return Peer(serve)

    async def test_threads_take_no_answer_that_is_cut_inside_its_head(self) -> None:
        for said in CUT_HEADS:
            with self.subTest(said), self.cut_after(said) as peer:
                with self.assertRaises(HeadwayError) as caught:
                    await asyncio.to_thread(Headway(peer.url).jobs.list)
                self.assert_broken_off(caught.exception)

    async def test_asyncio_takes_no_answer_that_is_cut_inside_its_head(self) -> None:
        for said in CUT_HEADS:
            with self.subTest(said), self.cut_after(said) as peer:
                with self.assertRaises(HeadwayError) as caught:
                    await AsyncHeadway(peer.url).jobs.list()
                self.assert_broken_off(caught.exception)

    def assert_broken_off(self, error: HeadwayError) -> None:
        self.assertEqual((error.code, error.retryable), ("unreachable", True), error)
        self.assertIn("the answer broke off", error.detail)


if __name__ == "__main__":
    main()
