import assert from "node:assert/strict";
import { test } from "node:test";

import { joined } from "../../src/jobs/page/history.ts";

const event = (cursor: string, message: string) => ({ cursor, type: "log", message });

test("where what was read meets what came live, each event is there once", () => {
  const read = [event("x-1", "a"), event("x-2", "b"), event("x-3", "c")];
  // A report of two events at x-2 and x-3 comes live with one position.
  const early = [event("x-3", "b"), event("x-3", "c"), event("x-4", "d")];
  assert.deepEqual(joined(read, early).map(({ message }) => message), ["a", "b", "c", "d"]);
});

test("what came live while nothing was read is all there is", () => {
  assert.deepEqual(joined([], [event("x-9", "z")]), [event("x-9", "z")]);
});
