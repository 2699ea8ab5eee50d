import assert from "node:assert/strict";
import { test } from "node:test";

import { brief, describeEvent } from "../../src/jobs/page/event_words.ts";
import { latestPartials, placeOf } from "../../src/jobs/page/partials.ts";

const said = (event: object): string | undefined => describeEvent({ cursor: "c", ...event })?.text;

test("events are said in words", () => {
  for (const [event, expected] of [
    [{ type: "log", level: "error", message: "no rows" }, "no rows"],
    [{ type: "progress", percent: 40, phase: "reading", message: "page 2" }, "40% · reading · page 2"],
    [{ type: "progress", done: 1200, total: 5000 }, "1,200 of 5,000"],
    [{ type: "step_finish", step: "plan", status: "failed", error: { code: "x", message: "no plan" } }, "plan · failed · no plan"],
    [{ type: "requested", action: "cancel" }, "cancel was asked for"],
    [{ type: "partial", name: "plan", data: { depth: 2 } }, 'plan: {"depth":2}'],
    [{ type: "items", succeeded: [[0, 4], [7, 7]], failed: [{ index: 5, status: "failed", error: { code: "x", message: "bad line" } }] }, "6 succeeded\nitem 5 failed: bad line"],
    [{ type: "something_new", a: 1 }, '{"a":1}'],
  ] as const) assert.equal(said(event), expected);
  assert.equal(said({ type: "items" }), undefined);
});

test("a long value is cut", () => {
  assert.equal(brief("x".repeat(300)).length, 240);
});

test("of each name the newest intermediate result is shown", () => {
  const found = latestPartials([
    { cursor: "1", type: "partial", name: "plan", data: 1, at: "2026-01-01T00:00:00Z" }, { cursor: "2", type: "log", message: "m" },
    { cursor: "3", type: "partial", name: "rows", data: 2 }, { cursor: "4", type: "partial", name: "plan", data: 3, at: "2026-01-01T00:00:05Z" },
  ]);
  assert.deepEqual(found, [{ name: "plan", data: 3, at: "2026-01-01T00:00:05Z", times: 2 }, { name: "rows", data: 2, at: undefined, times: 1 }]);
});

test("of a history that was not read whole, a number is the least that it may be", () => {
  assert.deepEqual([placeOf(2, true), placeOf(1200, false)], ["newest of 2", "newest of at least 1,200"]);
});
