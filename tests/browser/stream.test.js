// The browser's own EventSource and WebSocket against the stream: from the snapshot to the end,
// and again from a cursor.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { Server, expectedCounts } from "./support/server.js";
import { test } from "./support/test.js";

const COUNT = 120;

/**
 * Runs in the page. Reads a stream until `end`, or until `limit` updates were seen, and folds what
 * it reads as the protocol says; what it has seen so far is `window.seen`.
 */
function readInPage({ transport, job, cursor, limit }) {
  const merged = (target, patch) => {
    if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
    const result = target !== null && typeof target === "object" && !Array.isArray(target) ? { ...target } : {};
    for (const [key, value] of Object.entries(patch)) {
      if (value === null) delete result[key];
      else result[key] = merged(result[key], value);
    }
    return result;
  };
  return new Promise((resolve, reject) => {
    const seen = { types: [], misfits: 0, state: null, cursor, end: null, close: null };
    window.seen = seen;
    let updates = 0;
    let close;
    const take = (message) => {
      seen.types.push(message.type);
      if (message.type === "snapshot") Object.assign(seen, { state: message.state, cursor: message.cursor });
      if (message.type === "update") {
        updates += 1;
        if (message.prev !== seen.cursor) seen.misfits += 1;
        Object.assign(seen, { state: merged(seen.state ?? {}, message.patch), cursor: message.cursor });
        if (updates === limit) {
          close();
          resolve(seen);
        }
      }
      if (message.type === "end") {
        seen.end = message.status;
        seen.cursor = message.cursor;
        if (transport === "events") {
          close();
          resolve(seen);
        }
      }
    };
    const address = new URL(`/api/v1/jobs/${job}/stream`, location.href);
    if (transport === "events") {
      if (cursor) address.searchParams.set("last_event_id", cursor);
      const source = new EventSource(address);
      close = () => source.close();
      for (const type of ["hello", "subscribed", "snapshot", "update", "gap", "end"]) {
        source.addEventListener(type, ({ data, lastEventId }) => {
          const message = JSON.parse(data);
          if (message.cursor && message.cursor !== lastEventId) reject(new Error(`id ${lastEventId} on ${data}`));
          take(message);
        });
      }
      source.onerror = () => {
        // 204: the job has ended and that was seen; the browser does not come back.
        if (source.readyState === EventSource.CLOSED) resolve(seen);
      };
    } else {
      const many = new URL("/api/v1/stream", location.href);
      many.protocol = "ws:";
      const socket = new WebSocket(many, ["headway.v1"]);
      close = () => socket.close();
      socket.onopen = () => socket.send(JSON.stringify({ type: "subscribe", id: "one", job, ...(cursor && { cursor }) }));
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        take(message);
        if (message.type === "end") {
          seen.protocol = socket.protocol;
          socket.close();
          resolve(seen);
        }
      };
      socket.onerror = () => reject(new Error("the WebSocket failed"));
    }
  });
}

for (const transport of ["events", "websocket"]) {
  test(`${transport}: from the snapshot to the end, and again from a cursor`, async (t) => {
    const server = await Server.start(t);
    const page = await openBrowser(t);
    await page.goto(server.url);
    const batch = await server.submit(COUNT, { hold: 0 });

    const reading = page.evaluate(readInPage, { transport, job: batch.id, cursor: null, limit: 2 });
    for (const [type, next] of [["snapshot", COUNT / 4], ["update", COUNT / 2]]) {
      await page.waitForFunction((wanted) => window.seen?.types.includes(wanted), type);
      await server.release(next);
    }
    const part = await reading;
    await server.release();
    assert.equal(part.types[0], "hello");
    assert.equal(part.types.find((type) => type === "snapshot" || type === "update"), "snapshot");
    assert.equal(part.misfits, 0);
    assert.equal(part.end, null);

    const rest = await page.evaluate(readInPage, { transport, job: batch.id, cursor: part.cursor, limit: -1 });
    assert.equal(rest.misfits, 0, "a patch did not fit the cursor held");
    assert.ok(!rest.types.includes("gap"), "a gap where the log is whole");
    assert.equal(rest.end, "completed");

    const whole = await page.evaluate(readInPage, { transport, job: batch.id, cursor: null, limit: -1 });
    assert.equal(whole.end, "completed");
    assert.equal(whole.state.status, "completed");
    const { total, succeeded, failed } = expectedCounts(COUNT);
    assert.deepEqual(
      [whole.state.items.total, whole.state.items.succeeded, whole.state.items.failed],
      [total, succeeded, failed],
    );
    assert.equal(whole.cursor, rest.cursor);
    if (transport === "websocket") assert.equal(whole.protocol, "headway.v1");
  });
}

test("an EventSource that has seen the end is told not to come back", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  const batch = await server.submit(10);
  const whole = await page.evaluate(readInPage, { transport: "events", job: batch.id, cursor: null, limit: -1 });
  assert.equal(whole.end, "completed");
  const again = await page.evaluate(readInPage, { transport: "events", job: batch.id, cursor: whole.cursor, limit: -1 });
  assert.deepEqual(again.types, []);
  const address = `${server.url}/api/v1/jobs/${batch.id}/stream?last_event_id=${whole.cursor}`;
  const response = await fetch(address, { headers: { accept: "text/event-stream" } });
  assert.equal(response.status, 204);
});
