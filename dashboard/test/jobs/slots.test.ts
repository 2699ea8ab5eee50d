// Rows that jobs take over from each other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Slots } from "../../src/jobs/list/slots.ts";

const ids = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, place) => `job-${from + place}`);

test("a job keeps its row, and one further down takes over the row of one that has left", () => {
  const slots = new Slots();
  const first = slots.of(ids(0, 10));
  assert.equal(new Set(first).size, 10);
  assert.deepEqual(slots.of(ids(0, 10)), first);
  const second = slots.of(ids(3, 13));
  assert.deepEqual(second.slice(0, 7), first.slice(3));
  assert.deepEqual(second.slice(7), first.slice(0, 3));
});

test("after a jump the same rows show other jobs, in the same order", () => {
  const slots = new Slots();
  const first = slots.of(ids(0, 10));
  assert.deepEqual(slots.of(ids(500, 508)), first.slice(0, 8));
});

test("no row that stays is moved in the document, whichever way somebody scrolls", () => {
  const slots = new Slots();
  let [shown, before] = [ids(50, 60), slots.of(ids(50, 60))];
  // Seeds of a small generator: the same steps each time.
  let seed = 7;
  for (let step = 0; step < 500; step += 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const from = Math.max(0, Number(shown[0]?.slice(4)) + (seed % 9) - 4);
    const next = ids(from, from + 8 + (seed % 5));
    const now = slots.of(next);
    assert.equal(new Set(now).size, now.length);
    // React moves what stands behind something that stood behind it.
    let furthest = -1;
    for (const [place, slot] of now.entries()) {
      const stood = before.indexOf(slot);
      if (stood < 0) continue;
      const stays = shown.includes(next[place] ?? "");
      assert.ok(!stays || stood > furthest, `step ${step}: ${String(next[place])} is moved`);
      if (stays) assert.equal(slot, before[shown.indexOf(next[place] ?? "")]);
      furthest = Math.max(furthest, stood);
    }
    [shown, before] = [next, now];
  }
});
