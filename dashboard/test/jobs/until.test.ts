import assert from "node:assert/strict";
import { test } from "node:test";

import { countUntil, timesOf } from "../../src/jobs/page/until.ts";

const at = (second: number): string => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
const EVENTS = [{ cursor: "1", at: at(0) }, { cursor: "2", at: at(5) }, { cursor: "3", at: at(3) }, { cursor: "4", type: "gap" }, { cursor: "5", at: at(9) }];

test("at each moment there is what had happened, in the log's order", () => {
  const times = timesOf(EVENTS);
  const start = Date.UTC(2026, 0, 1);
  for (const [second, expected] of [[-1, 0], [0, 1], [4, 1], [5, 4], [8, 4], [9, 5], [100, 5]] as const) {
    assert.equal(countUntil(times, start + second * 1000), expected, String(second));
  }
});
