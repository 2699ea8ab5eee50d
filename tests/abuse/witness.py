"""A well-behaved producer and its watchers, in a process of their own: what users see of an attack.

Reports 50 numbered log lines a second on one job, and watches it by WebSocket and by Server-Sent
Events; beside it watches a batch. Every line on standard input names a new phase; the figures of the
one before are printed as a line of JSON. At the end of the input the job is completed, and both
watchers have to see every number once, in order, and the end.
"""

import asyncio
import json
import ssl
import sys
import time

import websockets

EVERY = 0.02


class Seen:
    """What one watcher got: numbers without a hole, and how late."""

    def __init__(self):
        self.next = 0
        self.delays = []
        self.end = None

    def take(self, message):
        if message["type"] == "event" and message["event"]["type"] == "log":
            number, sent = message["event"]["message"].split(" ")
            if int(number) != self.next:
                raise AssertionError(f"{number} came where {self.next} was due")
            self.next += 1
            self.delays.append(time.monotonic() - float(sent))
        elif message["type"] == "gap":
            raise AssertionError(f"a gap: {message}")
        elif message["type"] == "end":
            self.end = message["status"]
        return message["type"] == "end"


class Witness:
    def __init__(self, host, port, job, batch, headers, authority):
        self.host, self.port, self.job, self.batch = host, port, job, batch
        self.headers = headers
        self.trust = ssl.create_default_context(cafile=authority) if authority else None
        self.by_websocket, self.by_events = Seen(), Seen()
        self.done = 0
        self.stop = asyncio.Event()

    async def watch_by_websocket(self, ready):
        async with websockets.connect(
            f"{'wss' if self.trust else 'ws'}://{self.host}:{self.port}/api/v1/stream",
            ssl=self.trust,
            subprotocols=["headway.v1"],
            additional_headers=self.headers,
        ) as stream:
            await stream.send(json.dumps({"type": "subscribe", "id": "1", "job": self.job, "events": True}))
            await stream.send(json.dumps({"type": "subscribe", "id": "2", "job": self.batch}))
            async for text in stream:
                message = json.loads(text)
                if message.get("job") == self.batch:
                    items = (message.get("state") or message.get("patch") or {}).get("items") or {}
                    self.done = items.get("succeeded", self.done)
                elif message["type"] == "subscribed":
                    ready.set()
                elif self.by_websocket.take(message):
                    return

    async def watch_by_events(self, ready):
        reader, writer = await asyncio.open_connection(
            self.host, self.port, limit=1 << 22, ssl=self.trust
        )
        lines = [f"GET /api/v1/jobs/{self.job}/stream?events=true HTTP/1.1", f"Host: {self.host}",
                 "Accept: text/event-stream", *(f"{n}: {v}" for n, v in self.headers.items())]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async for line in reader:
            if line.startswith(b"data:"):
                ready.set()
                if self.by_events.take(json.loads(line[5:])):
                    break
        else:
            raise AssertionError("the events ended before the job")
        writer.close()

    async def report(self):
        reader, writer = await asyncio.open_connection(self.host, self.port, ssl=self.trust)
        number = 0
        while not self.stop.is_set():
            event = {"type": "log", "message": f"{number} {time.monotonic()}"}
            reader, writer = await self.send(reader, writer, event)
            number += 1
            try:
                await asyncio.wait_for(self.stop.wait(), EVERY)
            except TimeoutError:
                pass
        await self.send(reader, writer, {"type": "complete"})
        writer.close()

    async def send(self, reader, writer, event):
        """One report on a connection that is kept; opened again when it was let go in between."""
        body = json.dumps(event)
        lines = [f"POST /api/v1/jobs/{self.job}/events HTTP/1.1", f"Host: {self.host}",
                 "Content-Type: application/json", f"Content-Length: {len(body)}",
                 *(f"{n}: {v}" for n, v in self.headers.items())]
        writer.write(("\r\n".join([*lines, "", ""]) + body).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise AssertionError(f"a report was refused: {head}")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        return reader, writer

    async def phases(self):
        """Prints the figures of a phase when the next one is named."""
        lines = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        began, done, first = time.monotonic(), 0, {}
        async for _ in lines:
            now = time.monotonic()
            figures = {}
            for name, seen in [("websocket", self.by_websocket), ("events", self.by_events)]:
                delays = sorted(seen.delays[first.get(name, 0):])
                first[name] = len(seen.delays)
                if not delays:
                    # Only the phase before the first report may be empty.
                    continue
                figures[name] = {"median": delays[len(delays) // 2], "worst": delays[-1], "count": len(delays)}
            figures["items_per_second"] = (self.done - done) / (now - began)
            began, done = now, self.done
            print(json.dumps(figures), flush=True)
        self.stop.set()


async def main(host, port, job, batch, headers, authority):
    witness = Witness(host, int(port), job, batch, json.loads(headers), authority)
    ready = [asyncio.Event(), asyncio.Event()]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(witness.watch_by_websocket(ready[0]))
        tasks.create_task(witness.watch_by_events(ready[1]))
        for event in ready:
            await event.wait()
        tasks.create_task(witness.report())
        print("ready", flush=True)
        tasks.create_task(witness.phases())
    for name, seen in [("websocket", witness.by_websocket), ("events", witness.by_events)]:
        if seen.end != "completed":
            raise AssertionError(f"{name}: no end but {seen.end}")
    if witness.by_websocket.next != witness.by_events.next:
        raise AssertionError("the watchers did not see the same")
    print(json.dumps({"seen": witness.by_websocket.next}), flush=True)


asyncio.run(main(*sys.argv[1:]))
