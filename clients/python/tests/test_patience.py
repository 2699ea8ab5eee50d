"""Tests on a busy machine: what a server does not take for now is brought again, and nothing else is."""

from __future__ import annotations

import asyncio
import socket
from unittest import main

from headway import AsyncHeadway, Headway, HeadwayError
from support.bounded import Bounded
from support.patience import ask_patiently
from support.peer import Peer, head_of

BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n"
AWAY = b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n"
MADE = b'HTTP/1.1 201 Made\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{"id":"a"}'


class PatienceTest(Bounded):
    def setUp(self) -> None:
        ask_patiently()
        self.answers: list[bytes] = []
        self.peer = self.enterContext(Peer(self.answer))

    def answer(self, connection: socket.socket) -> None:
        head_of(connection)
        connection.sendall(self.answers.pop(0))

    def test_work_that_is_not_taken_is_brought_again(self) -> None:
        self.answers[:] = [BUSY, BUSY, MADE]
        self.assertEqual(Headway(self.peer.url).jobs.create("import")["id"], "a")
        self.answers[:] = [BUSY, BUSY, MADE]
        made = asyncio.run(AsyncHeadway(self.peer.url).jobs.create("import"))
        self.assertEqual(made["id"], "a")
        self.assertEqual(self.answers, [])

    def test_a_server_that_does_not_say_when_is_not_asked_again(self) -> None:
        self.answers[:] = [AWAY, AWAY]
        with self.assertRaises(HeadwayError):
            Headway(self.peer.url).jobs.create("import")
        with self.assertRaises(HeadwayError):
            asyncio.run(AsyncHeadway(self.peer.url).jobs.create("import"))
        self.assertEqual(self.answers, [])


if __name__ == "__main__":
    main()
