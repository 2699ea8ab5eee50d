// Clients that nobody here wrote read the stream outside a browser: `ws`, `eventsource`, curl.

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { EventSource } from "eventsource";
import WebSocket from "ws";

import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const STEPS = 40;

/** A merge patch (RFC 7396) applied. */
function merged(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = target !== null && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

/** Folds messages as the protocol says, and refuses a patch that does not fit. */
class Watcher {
  state = null;
  cursor = null;
  events = [];
  end = null;

  take(message) {
    if (message.type === "snapshot") {
      this.state = message.state;
      this.cursor = message.cursor;
    } else if (message.type === "update") {
      assert.equal(message.prev, this.cursor, "a patch that does not fit");
      this.state = merged(this.state, message.patch);
      this.cursor = message.cursor;
    } else if (message.type === "event") {
      this.events.push(message.event);
    } else if (message.type === "gap") {
      assert.fail(`a gap where the log is whole: ${JSON.stringify(message)}`);
    } else if (message.type === "end") {
      this.end = message.status;
    }
    return this.end !== null;
  }
}

/** A job whose document is large enough to be compressed. */
async function createJob(server) {
  const metadata = Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`key-${n}`, `value ${n}`]));
  const body = { kind: "import", name: "Jörg’s 𝔡ata", total: STEPS, metadata };
  const { id } = await server.request("/api/v1/jobs", { body });
  return id;
}

/** Reports every step, each as large as another document, and then the end. */
async function work(server, job) {
  const report = (body) => server.request(`/api/v1/jobs/${job}/events`, { body });
  for (let done = 1; done <= STEPS; done += 1) {
    await report([
      { type: "progress", done, message: `step ${done}` },
      { type: "log", message: `λόγος ${done} ${"words ".repeat(150)}` },
    ]);
  }
  await report({ type: "complete", result: { rows: STEPS } });
}

/** What the watcher folded is the document, and no event is missing. */
async function checkWhole(server, job, watcher) {
  assert.equal(watcher.end, "completed");
  assert.deepEqual(watcher.state, await server.request(`/api/v1/jobs/${job}`));
  const logs = watcher.events.filter((event) => event.type === "log");
  assert.deepEqual(logs.map((event) => event.message.split(" ")[1]), Array.from({ length: STEPS }, (_, n) => `${n + 1}`));
}

for (const [name, perMessageDeflate] of [
  ["without compression", false],
  ["with compression", { threshold: 0 }],
  ["with compression and a small window", { threshold: 0, serverMaxWindowBits: 12, clientMaxWindowBits: 9 }],
]) {
  test(`ws ${name}`, async (t) => {
    const server = await Server.start(t);
    const job = await createJob(server);
    const address = `ws://127.0.0.1:${server.port}/api/v1/stream`;
    const socket = new WebSocket(address, "headway.v1", { perMessageDeflate });
    t.after(() => socket.terminate());
    const messages = [];
    const waiting = [];
    socket.on("message", (data, isBinary) => {
      assert.equal(isBinary, false);
      const message = JSON.parse(data);
      const waiter = waiting.shift();
      if (waiter) waiter(message);
      else messages.push(message);
    });
    const next = () => messages.shift() ?? new Promise((resolve) => waiting.push(resolve));
    const nextOf = async (type) => {
      for (;;) {
        const message = await next();
        if (message.type === type) return message;
      }
    };

    await once(socket, "open");
    assert.equal(socket.protocol, "headway.v1");
    assert.equal(socket.extensions.includes("permessage-deflate"), perMessageDeflate !== false);

    // Control frames, alone and between the fragments of a message, and a message in fragments.
    socket.ping("are you there");
    const [content] = await once(socket, "pong");
    assert.equal(content.toString(), "are you there");
    socket.send('{"type":"pi', { fin: false });
    socket.ping("between");
    socket.send('ng","at":"κόσμε', { fin: false });
    socket.send('"}', { fin: true });
    const [between] = await once(socket, "pong");
    assert.equal(between.toString(), "between");
    assert.deepEqual(await nextOf("pong"), { type: "pong", at: "κόσμε" });

    const watcher = new Watcher();
    socket.send(JSON.stringify({ type: "subscribe", id: "1", job, events: ["log"], min_interval_ms: 0 }));
    watcher.take(await nextOf("snapshot"));
    const worked = work(server, job);
    while (!watcher.take(await next()));
    await worked;
    await checkWhole(server, job, watcher);

    // What cannot be understood is told, and what is too large ends it.
    socket.send(Buffer.from([0xff, 0xfe]));
    assert.equal((await nextOf("error")).code, "malformed");
    socket.close(1000, "done");
    const [code] = await once(socket, "close");
    assert.equal(code, 1000);
  });
}

test("ws is told why a message is too large", async (t) => {
  const server = await Server.start(t);
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/api/v1/stream`, { perMessageDeflate: { threshold: 0 } });
  t.after(() => socket.terminate());
  await once(socket, "open");
  // Small on its way, large when it is unpacked.
  socket.send(" ".repeat(8 * 1024 * 1024));
  const [code] = await once(socket, "close");
  assert.equal(code, 1009);
});

test("eventsource comes back to a server that was killed, and misses nothing", async (t) => {
  const server = await Server.start(t);
  const job = await createJob(server);
  const report = (body) => server.request(`/api/v1/jobs/${job}/events`, { body });
  const source = new EventSource(`${server.url}/api/v1/jobs/${job}/stream?events=log`);
  t.after(() => source.close());
  const watcher = new Watcher();
  let reached = () => {};
  for (const type of ["snapshot", "update", "event", "gap", "end"]) {
    source.addEventListener(type, ({ data, lastEventId }) => {
      const message = JSON.parse(data);
      if (message.cursor) assert.equal(lastEventId, message.cursor);
      watcher.take(message);
      reached();
    });
  }
  const until = (condition) => new Promise((resolve) => {
    reached = () => { if (condition()) resolve(); };
    reached();
  });
  await until(() => watcher.state !== null);
  await report([{ type: "progress", done: 1 }, { type: "log", message: "before" }]);
  await until(() => watcher.events.length === 1 && watcher.state.progress.done === 1);
  await server.kill();
  await server.start();
  await report([{ type: "progress", done: 2 }, { type: "log", message: "after" }]);
  await report({ type: "complete" });
  await until(() => watcher.end !== null);
  assert.deepEqual(watcher.events.map((event) => event.message), ["before", "after"]);
  assert.deepEqual(watcher.state, await server.request(`/api/v1/jobs/${job}`));
});

test("curl reads the stream to its end", async (t) => {
  const server = await Server.start(t);
  const job = await createJob(server);
  const address = `${server.url}/api/v1/jobs/${job}/stream?events=log&min_interval_ms=0`;
  const curl = spawn("curl", ["--silent", "--show-error", "--fail", "--no-buffer", "--header", "Accept: text/event-stream", address]);
  t.after(() => curl.kill());
  const watcher = new Watcher();
  let worked = null;
  const exited = once(curl, "exit");
  for await (const line of createInterface(curl.stdout)) {
    if (!line.startsWith("data: ")) continue;
    watcher.take(JSON.parse(line.slice("data: ".length)));
    worked ??= watcher.state && work(server, job);
  }
  await worked;
  assert.equal((await exited)[0], 0, "the answer is complete");
  await checkWhole(server, job, watcher);
});

test("curl polls from cursor to cursor", async (t) => {
  const server = await Server.start(t);
  const job = await createJob(server);
  const address = `${server.url}/api/v1/jobs/${job}/stream?events=log&wait_ms=20000`;
  const watcher = new Watcher();
  let worked = null;
  let cursor = "";
  while (watcher.end === null) {
    const { stdout } = await promisify(execFile)("curl", ["--silent", "--show-error", "--fail", `${address}${cursor}`]);
    const answer = JSON.parse(stdout);
    for (const frame of answer.frames) watcher.take(frame);
    cursor = `&cursor=${encodeURIComponent(answer.cursor)}`;
    worked ??= work(server, job);
  }
  await worked;
  await checkWhole(server, job, watcher);
});
