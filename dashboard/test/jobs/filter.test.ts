import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobDocument } from "@headway/client";

import { fits, isOpen, readFilter } from "../../src/jobs/list/filter.ts";

const JOB: JobDocument = {
  id: "import-7", name: "Nightly Import", kind: "import", status: "paused", session: "s-1042", tags: ["hourly", "eu-west"], attempt: 1,
  created_at: "2026-01-01T00:00:00.000Z", updated_at: "2026-01-01T00:00:00.000Z", cursor: "c", owner: { tenant: "default" },
};

test("a filter is what the address says, and words that it does not know are none", () => {
  assert.equal(isOpen(readFilter({})), true);
  assert.equal(isOpen(readFilter({ status: "nonsense" })), true);
  assert.deepEqual(readFilter({ status: "failed", kind: "a", tag: "b", session: "c", text: "d" }), { status: "failed", kind: "a", tag: "b", session: "c", text: "d" });
});

test("a job fits by its group of statuses, kind, tag and session", () => {
  for (const [query, expected] of [
    [{ status: "active" }, true], [{ status: "waiting" }, true], [{ status: "ended" }, false], [{ status: "failed" }, false],
    [{ kind: "import" }, true], [{ kind: "imp" }, false], [{ tag: "eu-west" }, true], [{ tag: "eu" }, false],
    [{ session: "s-1042" }, true], [{ session: "s-1" }, false], [{ status: "active", kind: "sync" }, false],
  ] as const) assert.equal(fits(JOB, readFilter(query)), expected, JSON.stringify(query));
});

test("each word has to be found somewhere, whatever its letters' size", () => {
  for (const [text, expected] of [["nightly", true], ["IMPORT-7", true], ["night s-104", true], ["eu-w", true], ["night 9", false]] as const) {
    assert.equal(fits(JOB, readFilter({ text })), expected, text);
  }
});
