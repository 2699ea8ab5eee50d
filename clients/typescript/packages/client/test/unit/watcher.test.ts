// The stores of a watcher over a connection that the test plays.

import assert from "node:assert/strict";

import { Watcher, type Clock, type Socket } from "../../src/watch.ts";
import { test } from "../../../../testing/test.ts";

/** A WebSocket whose other side is the test. */
class Played implements Socket {
  static made: Played[] = [];
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: string[] = [];
  readonly protocols: readonly string[];
  closed = false;

  constructor(_url: string, protocols: string[]) {
    this.protocols = protocols;
    Played.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) } as never);
  }
}

/** Time that stands still. */
const clock: Clock = { now: () => 0, random: () => 0, after: () => () => undefined };

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function snapshot(id: string, cursor: string, more: object = {}): unknown {
  const at = "2026-01-10T09:30:00.000Z";
  const state = { id, kind: "import", status: "running", attempt: 1, owner: { tenant: "default" }, cursor, created_at: at, updated_at: at, ...more };
  return { type: "snapshot", job: id, cursor, state };
}

async function connected(watcher: Watcher): Promise<Played> {
  await settled();
  const socket = Played.made.at(-1) ?? assert.fail("nothing was connected");
  socket.onopen?.({} as never);
  socket.says({ type: "hello", connection: "c", version: 1, heartbeat_ms: 20_000, max_message_bytes: 65_536, max_subscriptions: 256 });
  await settled();
  assert.equal(watcher.connection.getSnapshot().state, "live");
  return socket;
}

test("listeners are told of their own job, once for what came together, until they leave", async () => {
  const watcher = new Watcher({ url: "http://127.0.0.1:1", WebSocket: Played, clock });
  const [a, b] = [watcher.watchJob("a"), watcher.watchJob("b")];
  const socket = await connected(watcher);
  const told = { a: 0, b: 0 };
  const leave = a.subscribe(() => (told.a += 1));
  b.subscribe(() => (told.b += 1));
  const before = a.getSnapshot();
  socket.says(snapshot("a", "0000000a-1"));
  socket.says({ type: "update", job: "a", prev: "0000000a-1", cursor: "0000000a-2", patch: { message: "on" } });
  await settled();
  assert.deepEqual(told, { a: 1, b: 0 });
  assert.notEqual(a.getSnapshot(), before);
  assert.equal(a.getSnapshot().job?.message, "on");
  assert.equal(a.getSnapshot(), a.getSnapshot());
  socket.says({ type: "heartbeat", at: "" });
  socket.says(snapshot("b", "0000000a-1"));
  await settled();
  assert.deepEqual(told, { a: 1, b: 1 });
  leave();
  socket.says(snapshot("a", "0000000a-3"));
  await settled();
  assert.deepEqual(told, { a: 1, b: 1 });
  watcher.close();
  assert.ok(socket.closed);
  assert.equal(a.getSnapshot().job?.cursor, "0000000a-3", "the last snapshot stays");
  assert.throws(() => watcher.watchJob("c"), TypeError);
});

test("a list keeps its order and what has not changed", async () => {
  const watcher = new Watcher({ url: "http://127.0.0.1:1", WebSocket: Played, clock });
  const list = watcher.watchJobs({ tag: "x" });
  const socket = await connected(watcher);
  socket.says(snapshot("old", "0000000a-1", { tags: ["x"], created_at: "2026-01-10T09:00:00.000Z" }));
  socket.says(snapshot("new", "0000000a-1", { tags: ["x"], created_at: "2026-01-10T10:00:00.000Z" }));
  socket.says(snapshot("other", "0000000a-1", { tags: ["y"] }));
  await settled();
  const first = list.getSnapshot().jobs;
  assert.deepEqual(first.map(({ id }) => id), ["new", "old"]);
  socket.says({ type: "update", job: "old", prev: "0000000a-1", cursor: "0000000a-2", patch: { message: "on" } });
  await settled();
  const second = list.getSnapshot().jobs;
  assert.notEqual(second, first);
  assert.equal(second[0], first[0], "the job that did not change is the same object");
  assert.equal(second[1]?.message, "on");
  socket.says({ type: "heartbeat", at: "" });
  await settled();
  assert.equal(list.getSnapshot().jobs, second);
  watcher.close();
});

test("a listener that throws keeps nobody else from being told", async (t) => {
  const watcher = new Watcher({ url: "http://127.0.0.1:1", WebSocket: Played, clock });
  const watch = watcher.watchJob("a");
  const socket = await connected(watcher);
  const thrown = new Promise((resolve) => {
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    t.after(() => {
      for (const other of others) process.on("uncaughtException", other);
    });
    process.once("uncaughtException", resolve);
  });
  let told = 0;
  watch.subscribe(() => {
    throw new Error("the application's own");
  });
  watch.subscribe(() => (told += 1));
  socket.says(snapshot("a", "0000000a-1"));
  assert.match(String(await thrown), /the application's own/);
  assert.equal(told, 1);
  watcher.close();
});

test("a token that comes late, for a watcher that is closed, connects nothing", async () => {
  let answer: (token: string) => void = () => undefined;
  const token = (): Promise<string> => new Promise((resolve) => (answer = resolve));
  const watcher = new Watcher({ url: "http://127.0.0.1:1", WebSocket: Played, clock, token });
  watcher.watchJob("a");
  await settled();
  const made = Played.made.length;
  watcher.close();
  answer("late");
  await settled();
  assert.equal(Played.made.length, made);
});

test("the token is beside the subprotocol, and never in the address", async () => {
  const watcher = new Watcher({ url: "http://127.0.0.1:1", WebSocket: Played, clock, token: () => "secret" });
  watcher.watchJob("a");
  const socket = await connected(watcher);
  assert.deepEqual(socket.protocols, ["headway.v1", "headway.bearer.secret"]);
  assert.deepEqual(socket.sent.map((text) => (JSON.parse(text) as { type: string }).type), ["auth", "subscribe"]);
  watcher.close();
});

test("addresses that are none are refused at once", () => {
  assert.throws(() => new Watcher(), TypeError);
  assert.throws(() => new Watcher({ url: "ftp://127.0.0.1" }), TypeError);
  assert.throws(() => new Watcher({ url: "http://127.0.0.1", transports: ["websocket"], WebSocket: null }), TypeError);
});
