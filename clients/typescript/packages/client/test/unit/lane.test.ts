// A lane under a stream that repeats, loses and reorders.

import assert from "node:assert/strict";

import fc from "fast-check";

import { Lane, type LaneFrame } from "../../src/session/lane.ts";
import type { Job } from "../../src/protocol/generated/contract.ts";
import { test } from "../../../../testing/test.ts";

const cursor = (version: number): string => `0000000a-${version}`;

/** The document of a version: what it shows follows from its number. */
function document(version: number): Job {
  const progress = version % 3 === 0 ? {} : { percent: version };
  const at = "2026-01-10T09:30:00.000Z";
  const base = { id: "a", kind: "import", status: "running", attempt: 1, owner: { tenant: "default" } } as const;
  return { ...base, progress, tags: [String(version)], cursor: cursor(version), created_at: at, updated_at: at };
}

function update(prev: number, version: number): LaneFrame {
  const percent = version % 3 === 0 ? null : version;
  const patch = { progress: { percent }, tags: [String(version)], cursor: cursor(version) };
  return { type: "update", job: "a", prev: cursor(prev), cursor: cursor(version), patch };
}

const VERSION = fc.integer({ min: 1, max: 9 });
const FRAME = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(VERSION, VERSION).map(([prev, step]) => update(prev, prev + step)) },
  { weight: 1, arbitrary: VERSION.map((version): LaneFrame => ({ type: "snapshot", job: "a", cursor: cursor(version), state: document(version) })) },
);

test("the document is at every moment one that the server had", () => {
  fc.assert(
    fc.property(fc.array(FRAME, { maxLength: 40 }), (frames) => {
      const lane = new Lane();
      for (const frame of frames) {
        const before = lane.job;
        const applied = lane.apply(frame);
        if (applied !== "changed") assert.equal(lane.job, before);
        if (lane.job === undefined) continue;
        assert.deepEqual(lane.job, document(Number(lane.job.cursor.split("-")[1])));
        if (applied === "changed") assert.equal(lane.cursor, "cursor" in frame ? frame.cursor : undefined);
      }
    }),
    { numRuns: 1000 },
  );
});
