import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobRecord } from "@headway/client";

import { marksOf } from "../../src/jobs/replay/marks.ts";
import { FIT_MS, Player } from "../../src/jobs/replay/player.ts";

const START = Date.UTC(2026, 0, 1);
const record = (second: number, patch: object): JobRecord => ({
  prev: second === 0 ? "x-0" : `x-${second}`, cursor: `x-${second + 1}`, at: new Date(START + second * 1000).toISOString(), patch,
});

/** A job of ten seconds: a change each second, from 0 to 100 percent. */
const PAST: readonly JobRecord[] = Array.from({ length: 11 }, (_, second) => record(second, second === 0
  ? { id: "job_1", kind: "import", status: "running", attempt: 1, progress: { percent: 0 }, steps: { a: { index: 0, name: "First", status: "running", weight: 1 } } }
  : { progress: { percent: second * 10 }, ...(second === 5 && { steps: { b: { index: 1, name: "Second", status: "running", weight: 1 } } }), ...(second === 10 && { status: "completed" }) }));

function player(): Player {
  const made = new Player(undefined);
  made.add(PAST);
  return made;
}

const percent = (made: Player): number | null | undefined => made.view().document?.progress?.percent;

test("it begins at the end, and shows the job as it was at each moment", () => {
  const made = player();
  assert.equal(made.view().at, START + 10_000);
  assert.equal(made.view().document?.status, "completed");
  made.seek(START + 3500);
  assert.equal(percent(made), 30);
  assert.equal(made.view().document?.status, "running");
  assert.deepEqual(Object.keys(made.view().document?.steps ?? {}), ["a"]);
});

test("a moment outside is the nearest one inside", () => {
  const made = player();
  made.seek(0);
  assert.equal(made.view().at, START);
  made.seek(START + 99_999_999);
  assert.equal(made.view().at, START + 10_000);
});

test("steps go from change to change and stop at both ends", () => {
  const made = player();
  made.seek(START + 3500);
  made.step(-1);
  assert.equal(percent(made), 30);
  made.step(1);
  assert.equal(percent(made), 40);
  made.seek(START);
  made.step(-1);
  assert.equal(made.view().at, START);
});

test("played again it begins at the beginning, runs as fast as it is told, and stops at the end", () => {
  const made = player();
  made.setSpeed(4);
  made.toggle();
  assert.equal(made.view().at, START);
  made.advance(1000);
  assert.equal(percent(made), 40);
  made.setSpeed("fit");
  made.advance(FIT_MS / 10);
  assert.equal(percent(made), 50);
  made.advance(FIT_MS);
  assert.equal(made.view().playing, false);
  assert.equal(percent(made), 100);
});

test("what stands still does not move", () => {
  const made = player();
  made.seek(START + 2000);
  made.advance(5000);
  assert.equal(percent(made), 20);
});

test("marks are changes of the status and beginnings of steps", () => {
  assert.deepEqual(marksOf(PAST).map(({ at, what, text }) => [(at - START) / 1000, what, text]), [
    [0, "status", "running"], [0, "step", "First began"], [5, "step", "Second began"], [10, "status", "completed"],
  ]);
});

test("of very many marks, statuses stay and steps give way", () => {
  const many = Array.from({ length: 5000 }, (_, second) => record(second, { steps: { [`s${second}`]: { index: second, name: "Step", status: "running", weight: 1 } } }));
  const marks = marksOf([...PAST, ...many]);
  assert.ok(marks.length <= 200, String(marks.length));
  assert.equal(marks.filter(({ what }) => what === "status").length, 2);
});

test("a log without its beginning says so", () => {
  const made = new Player({ id: "job_1", kind: "import", status: "completed", attempt: 1, created_at: "2026-01-01T00:00:00.000Z", updated_at: "2026-01-01T00:00:00.000Z", cursor: "x-11", owner: { tenant: "default" } });
  made.add(PAST.slice(4));
  assert.equal(made.view().whole, false);
  assert.equal(made.view().document?.kind, "import");
  assert.equal(player().view().whole, true);
});
