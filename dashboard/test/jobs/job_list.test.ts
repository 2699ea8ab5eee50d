import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { JobDocument, JobStatus } from "@headway/client";

import type { JobsFilter } from "../../src/jobs/list/filter.ts";
import { JobList } from "../../src/jobs/list/job_list.ts";

const EVERYTHING: JobsFilter = { status: undefined, kind: undefined, tag: undefined, session: undefined, text: undefined };
const ACTIVE: JobsFilter = { ...EVERYTHING, status: "active" };

/** A job that was created so many seconds after some moment. */
function job(second: number, more: { readonly id?: string; readonly status?: JobStatus; readonly kind?: string } = {}): JobDocument {
  const at = new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString();
  return { id: `job_${second}`, kind: "import", status: "running", attempt: 1, created_at: at, updated_at: at, cursor: `c-${second}`, owner: { tenant: "default" }, ...more };
}

const ids = (list: JobList): readonly string[] => list.getSnapshot().rows.map(({ id }) => id);

test("pages and what moves are one list, newest first, each job once", () => {
  const list = new JobList(EVERYTHING, 1);
  list.take([job(9), job(3)]);
  list.addPage(0, [job(9), job(8), job(7)], "next");
  list.take([job(10), job(8, { status: "completed" })]);
  assert.deepEqual(ids(list), ["job_10", "job_9", "job_8", "job_7"]);
  assert.equal(list.getSnapshot().rows[2]?.status, "completed");
});

test("what is older than the pages read so far is left to its page", () => {
  const list = new JobList(EVERYTHING, 1);
  list.addPage(0, [job(9), job(8)], "next");
  list.take([job(2)]);
  assert.deepEqual(ids(list), ["job_9", "job_8"]);
  list.addPage(0, [job(5), job(2)], undefined);
  assert.deepEqual(ids(list), ["job_9", "job_8", "job_5", "job_2"]);
  assert.equal(list.getSnapshot().complete, true);
});

test("a page that is older than what is live changes nothing of it", () => {
  const list = new JobList(EVERYTHING, 1);
  list.addPage(0, [job(9)], "next");
  list.take([job(9, { status: "completed" })]);
  list.addPage(0, [job(9), job(8)], undefined);
  assert.equal(list.getSnapshot().rows[0]?.status, "completed");
});

test("whoever reads further down is not moved: what is new waits, what left stays", () => {
  const list = new JobList(ACTIVE, 1);
  list.addPage(0, [job(5), job(4), job(3)], undefined);
  list.hold(true);
  list.take([job(7), job(6), job(4, { status: "completed" })]);
  assert.deepEqual(ids(list), ["job_5", "job_4", "job_3"]);
  assert.equal(list.getSnapshot().rows[1]?.status, "completed");
  assert.equal(list.getSnapshot().waiting, 2);
  list.take([job(6, { status: "failed" })]);
  assert.equal(list.getSnapshot().waiting, 1);
  list.hold(false);
  assert.deepEqual(ids(list), ["job_7", "job_5", "job_3"]);
  assert.equal(list.getSnapshot().waiting, 0);
});

test("one that comes back into the filter while the list is held stays", () => {
  const list = new JobList(ACTIVE, 1);
  list.addPage(0, [job(5), job(4)], undefined);
  list.hold(true);
  list.take([job(4, { status: "failed" })]);
  list.take([job(4, { status: "queued" })]);
  list.hold(false);
  assert.deepEqual(ids(list), ["job_5", "job_4"]);
});

test("several lists of the server are read as one: the one that has come the least far is due", () => {
  const list = new JobList(EVERYTHING, 2);
  assert.deepEqual(list.due, { source: 0, page: undefined });
  list.addPage(0, [job(9), job(2)], "a");
  assert.deepEqual(list.due, { source: 1, page: undefined });
  list.addPage(1, [job(8), job(7)], "b");
  assert.deepEqual(list.due, { source: 1, page: "b" });
  list.addPage(1, [job(5)], undefined);
  assert.deepEqual(list.due, { source: 0, page: "a" });
  list.addPage(0, [], undefined);
  assert.equal(list.due, undefined);
  assert.deepEqual(ids(list), ["job_9", "job_8", "job_7", "job_5", "job_2"]);
});

test("a view is the same object until something changes", () => {
  const list = new JobList(EVERYTHING, 1);
  list.addPage(0, [job(1)], undefined);
  const before = list.getSnapshot();
  list.take([job(1)]);
  assert.equal(list.getSnapshot(), before);
  list.take([job(1, { status: "completed" })]);
  assert.notEqual(list.getSnapshot(), before);
});

test("in whatever order pages and moves come, the list is what the server has", () => {
  const seconds = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(seconds, fc.integer({ min: 1, max: 7 }), fc.array(fc.tuple(fc.nat(60), fc.boolean(), fc.boolean()), { maxLength: 60 }), (made, size, moves) => {
    const present = new Map(made.map((second) => [second, job(second)]));
    const order = (): readonly JobDocument[] => [...present.entries()].sort(([one], [other]) => other - one).map(([, document]) => document);
    const list = new JobList(ACTIVE, 1);
    let read = 0;
    const whole = order();
    const readPage = (): void => {
      if (read >= whole.length && read > 0) return;
      // A page is what the server had when it was asked for; what moved since is live.
      const page = whole.slice(read, read + size).map((document) => present.get(Number(document.id.slice(4))) ?? document).filter(({ status }) => status === "running");
      read += size;
      list.addPage(0, page, read < whole.length ? String(read) : undefined);
    };
    readPage();
    for (const [second, ends, pages] of moves) {
      if (pages) readPage();
      const newest = Math.max(...present.keys());
      const at = present.has(second) ? second : newest + 1;
      const document = job(at, { status: ends ? "completed" : "running" });
      present.set(at, document);
      list.take([document]);
    }
    while (read < whole.length) readPage();
    assert.deepEqual(ids(list), order().filter(({ status }) => status === "running").map(({ id }) => id));
  }));
});
