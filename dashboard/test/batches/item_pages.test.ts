import assert from "node:assert/strict";
import { test } from "node:test";

import type { Item, ItemPage, ItemStatus } from "@headway/client";

import { Items } from "../../src/batches/items/items.ts";
import type { After } from "../../src/batches/model/feed.ts";

/** A batch of ten items, read in pages of four, whose statuses a test changes. */
function batch() {
  const statuses: ItemStatus[] = Array.from({ length: 10 }, () => "queued");
  const asked: (number | undefined)[] = [];
  let waiting: (() => void)[] = [];
  const after: After = (_ms, run) => {
    waiting.push(run);
    return () => {
      waiting = waiting.filter((other) => other !== run);
    };
  };
  const read = (from: number | undefined): Promise<ItemPage> => {
    asked.push(from);
    const items = statuses.map((status, index): Item => ({ index, status, attempts: 0 })).filter(({ index }) => index > (from ?? -1)).slice(0, 4);
    const last = items.at(-1)?.index;
    return Promise.resolve({ items, ...(last !== undefined && last < 9 && { next: last }) });
  };
  const settle = (): Promise<void> => new Promise((done) => {
    setImmediate(done);
  });
  return { statuses, asked, read, after, settle, timers: () => waiting.length, ring: () => { for (const run of waiting.splice(0)) run(); } };
}

test("pages are read one after the other until the list ends", async () => {
  const { read, asked, settle } = batch();
  const items = new Items(read, 0);
  items.start();
  await settle();
  await items.more();
  await items.more();
  await items.more();
  assert.deepEqual(asked, [undefined, 3, 7]);
  assert.equal(items.getSnapshot().list.rows.length, 10);
  assert.equal(items.getSnapshot().list.next, undefined);
});

test("a list that begins further on begins with that item", async () => {
  const { read, settle } = batch();
  const items = new Items(read, 6);
  items.start();
  await settle();
  assert.deepEqual(items.getSnapshot().list.rows.map(({ index }) => index), [6, 7, 8, 9]);
});

test("when the batch moves, what is in sight is read again once, and the rest stays", async () => {
  const { statuses, read, asked, after, settle, timers, ring } = batch();
  const items = new Items(read, 0, after);
  items.start();
  await settle();
  await items.more();
  items.change("1");
  assert.equal(timers(), 0, "the first version is what was read");
  statuses[2] = "succeeded";
  statuses[5] = "failed";
  items.look(4);
  items.change("2");
  items.change("3");
  assert.equal(timers(), 1);
  ring();
  await settle();
  assert.deepEqual(asked, [undefined, 3, 3]);
  const { rows } = items.getSnapshot().list;
  assert.deepEqual([rows[2]?.status, rows[5]?.status, rows.length], ["queued", "failed", 8]);
});

test("what cannot be read is told, and asked for again", async () => {
  let away = true;
  const { read, settle } = batch();
  const items = new Items((from) => (away ? Promise.reject(new Error("away")) : read(from)), 0);
  items.start();
  await settle();
  assert.equal(String(items.getSnapshot().error), "Error: away");
  away = false;
  await items.more();
  assert.deepEqual([items.getSnapshot().error, items.getSnapshot().list.rows.length], [undefined, 4]);
});

test("what has stopped takes nothing in, and can start again", async () => {
  const { read, settle } = batch();
  const items = new Items(read, 0);
  items.start();
  items.stop();
  await settle();
  assert.equal(items.getSnapshot().list.read, false);
  items.start();
  await settle();
  assert.equal(items.getSnapshot().list.rows.length, 4);
});
