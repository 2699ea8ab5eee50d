// A job's past: whatever is asked for in whatever order, it is what folding everything from the start gives.

import assert from "node:assert/strict";
import { describe } from "node:test";

import fc from "fast-check";

import { Replay, type JobDocument, type JobRecord } from "../../src/index.ts";
import { test } from "../../../../testing/test.ts";

const AT = Date.parse("2026-01-10T09:30:00.000Z");

function record(place: number, patch: object, at = AT + place * 1_000): JobRecord {
  return { prev: `0000000a-${place}`, cursor: `0000000a-${place + 1}`, at: new Date(at).toISOString(), patch };
}

/** A job's first record: the whole document. */
const FIRST = record(0, { id: "j", kind: "import", status: "pending", attempt: 1, owner: { tenant: "default" }, metadata: {} });

/** RFC 7396 in the words of its section 2, on values that may be changed. */
function fold(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(result, name);
    else result[name] = fold(result[name], value);
  }
  return result;
}

function folded(records: readonly JobRecord[], place: number): unknown {
  return records.slice(0, place + 1).reduce<unknown>((document, { patch, cursor }) => fold(fold(document, patch), { cursor }), {});
}

const PATCH = fc.record(
  {
    status: fc.constantFrom("running", "paused", "completed"),
    message: fc.option(fc.string({ maxLength: 5 })),
    progress: fc.record({ percent: fc.option(fc.integer({ min: 0, max: 100 })), done: fc.nat(9) }, { requiredKeys: [] }),
    metadata: fc.dictionary(fc.constantFrom("a", "b", "c"), fc.option(fc.nat(9))),
  },
  { requiredKeys: [] },
);

describe("a replay", () => {
  test("gives at every time what folding from the start gives", () => {
    const patches = fc.array(fc.tuple(PATCH, fc.nat(2)), { minLength: 0, maxLength: 300 });
    fc.assert(
      fc.property(patches, fc.array(fc.nat(400), { maxLength: 20 }), fc.nat(300), (changes, asked, cut) => {
        let time = AT;
        const records = [FIRST, ...changes.map(([patch, seconds], place) => record(place + 1, patch, (time += seconds * 1_000)))];
        const replay = new Replay();
        replay.add(records.slice(0, cut));
        replay.at(Infinity);
        // The rest comes with some that are known already.
        replay.add(records.slice(Math.max(cut - 3, 0)));
        assert.equal(replay.length, records.length);
        for (const place of asked.map((number) => number % records.length)) {
          assert.deepEqual(replay.document(place), folded(records, place));
          const at = Date.parse(records[place]?.at ?? "");
          const last = records.filter((one) => Date.parse(one.at) <= at).length - 1;
          assert.deepEqual(replay.at(at), folded(records, last));
          assert.deepEqual(replay.at(at + 999), folded(records, last));
        }
        assert.deepEqual([...replay.documents()], records.map((_, place) => folded(records, place)));
      }),
      { numRuns: 60 },
    );
  });

  test("has nothing before its first record, and says when it begins and ends", () => {
    const replay = new Replay();
    assert.deepEqual([replay.length, replay.from, replay.to, replay.at(AT)], [0, undefined, undefined, undefined]);
    replay.add([FIRST, record(1, { status: "running" })]);
    assert.deepEqual([replay.length, replay.from, replay.to, replay.whole], [2, AT, AT + 1_000, true]);
    assert.equal(replay.at(AT - 1), undefined);
    assert.equal(replay.at(AT)?.status, "pending");
    assert.equal(replay.at(AT + 5_000)?.status, "running");
    assert.equal(replay.document(2), undefined);
  });

  test("shares what has not changed between two documents", () => {
    const replay = new Replay();
    replay.add([FIRST, record(1, { status: "running" })]);
    assert.equal(replay.document(1)?.owner, replay.document(0)?.owner);
  });

  test("refuses records that do not follow", () => {
    const replay = new Replay();
    replay.add([FIRST]);
    assert.throws(() => {
      replay.add([record(2, { message: "later" })]);
    }, /0000000a-3 follows 0000000a-2/);
    assert.equal(replay.length, 1);
  });

  test("a clock that was set back does not go back here", () => {
    const replay = new Replay();
    replay.add([FIRST, record(1, { message: "one" }), record(2, { message: "two" }, AT)]);
    assert.deepEqual(replay.times, [AT, AT + 1_000, AT + 1_000]);
    assert.equal(replay.at(AT + 1_000)?.message, "two");
  });

  test("a log without its beginning is filled with what has not changed since", () => {
    const now = {
      id: "j", kind: "import", status: "completed", attempt: 2, owner: { tenant: "default" }, progress: { done: 9, unit: "rows" },
      cursor: "0000000a-9", tags: ["x"], message: "done", created_at: "2026-01-10T09:00:00.000Z", updated_at: "2026-01-10T10:00:00.000Z",
    } as unknown as JobDocument;
    const replay = new Replay({ document: now });
    replay.add([record(5, { progress: { done: 3 } }), record(6, { message: "soon" })]);
    replay.add([record(7, { progress: { done: 9 }, message: "done" }), record(8, { status: "completed" })]);
    assert.equal(replay.whole, false);
    const first = replay.document(0);
    assert.equal(first?.status, "running");
    assert.equal(first.message, undefined, "it was set later");
    assert.deepEqual([first.kind, first.tags, first.attempt], ["import", ["x"], 2]);
    assert.deepEqual(first.progress, { done: 3, unit: "rows" });
    assert.equal(replay.document(1)?.message, "soon");
    const last = replay.document(3);
    assert.deepEqual([last?.status, last?.progress, last?.message], ["completed", { done: 9, unit: "rows" }, "done"]);
  });
});
