import assert from "node:assert/strict";
import { test } from "node:test";

import type { JobRecord } from "@headway/client";

import { CostPast, type ReadRecords } from "../../src/batches/measures/cost_past.ts";
import { amountColumn } from "../../src/batches/model/amounts.ts";
import { ceiling } from "../../src/batches/model/cost_history.ts";
import { resultsHref } from "../../src/batches/model/results_link.ts";
import { formatBytes } from "../../src/batches/new/bytes.ts";
import { estimateBar } from "../../src/batches/new/estimate_words.ts";
import { answerOf } from "../../src/batches/new/upload.ts";

const START = Date.parse("2026-11-21T10:00:00.000Z");
const record = (place: number, patch: object): JobRecord => ({
  prev: `c${place - 1}`, cursor: `c${place}`, at: new Date(START + place * 1_000).toISOString(), patch,
});

test("the costs of a log are folded from its patches, page by page", async () => {
  const asked: (string | undefined)[] = [];
  const pages: readonly (readonly JobRecord[])[] = [
    [record(0, { id: "bat_1", status: "running" }), record(1, { cost: { currency: "USD", spent: "1", budget: "9" } })],
    [record(2, { items: { succeeded: 3 } }), record(3, { cost: { spent: "2", forecast: "8", forecast_low: "7", forecast_high: "9" } })],
    [record(4, { cost: { spent: "3", forecast: null, forecast_low: null, forecast_high: null } })],
  ];
  const read: ReadRecords = (after) => {
    asked.push(after);
    const place = asked.length - 1;
    return Promise.resolve({ records: [...(pages[place] ?? [])], ...(place < 2 && { next: `n${place}` }) });
  };
  const past = new CostPast(read);
  await past.read();
  assert.deepEqual(asked, [undefined, "c1", "c3"]);
  const { moments, cut, reading } = past.getSnapshot();
  assert.deepEqual(moments.map(({ at, spent, low, high }) => [(at - START) / 1_000, spent, low, high]), [
    [1, 1, undefined, undefined], [3, 2, 7, 9], [4, 3, undefined, undefined],
  ]);
  assert.deepEqual([cut, reading], [false, false]);
});

test("what the watch sees goes on where the log ends, and is there before the log is", async () => {
  const past = new CostPast(() => Promise.resolve({ records: [record(1, { cost: { currency: "USD", spent: "1" } }), record(5, { cost: { spent: "5" } })] }));
  past.see({ updated_at: new Date(START + 4_000).toISOString(), cost: { currency: "USD", spent: "4" } });
  assert.deepEqual(past.getSnapshot().moments.map(({ spent }) => spent), [4]);
  past.see({ updated_at: new Date(START + 6_000).toISOString(), cost: { currency: "USD", spent: "6" } });
  await past.read();
  assert.deepEqual(past.getSnapshot().moments.map(({ spent }) => spent), [1, 5, 6]);
});

test("a log that cannot be read says why, and is read on from where it broke off", async () => {
  let fails = true;
  const asked: (string | undefined)[] = [];
  const past = new CostPast((after) => {
    asked.push(after);
    if (after === undefined) return Promise.resolve({ records: [record(1, { cost: { currency: "USD", spent: "1" } })], next: "n" });
    return fails ? Promise.reject(new Error("away")) : Promise.resolve({ records: [record(2, { cost: { spent: "2" } })] });
  });
  await past.read();
  assert.equal(String(past.getSnapshot().error), "Error: away");
  assert.equal(past.getSnapshot().moments.length, 1);
  fails = false;
  await past.read();
  assert.deepEqual(asked, [undefined, "c1", "c1"]);
  assert.deepEqual([past.getSnapshot().error, past.getSnapshot().moments.length], [undefined, 2]);
});

test("the axis of a cost holds what is spent, the budget and the newest forecast", () => {
  assert.ok(ceiling({ currency: "USD", spent: "1", budget: "9" , forecast_high: "5" }) >= 9);
  assert.ok(ceiling({ currency: "USD", spent: "1", budget: "1000", forecast_high: "5" }) < 10);
  assert.ok(ceiling({ currency: "USD", spent: "0", budget: "25" }) >= 25);
  assert.equal(ceiling({ currency: "USD", spent: "0" }), 0);
});

test("amounts of a column have the same digits", () => {
  const say = amountColumn("USD", 0.0043);
  assert.deepEqual([say("0.0043"), say("0.002"), say("12")], ["$0.0043", "$0.0020", "$12.0000"]);
  assert.equal(amountColumn("USD", 3)("0.5"), "$0.50");
  assert.equal(amountColumn("CREDITS", 3)("0.5"), "0.50 CREDITS");
});

test("results are linked below any path, and the file says what it holds", () => {
  assert.deepEqual(resultsHref("https://a.example/jobs/#/batches/x", "bat 1", "csv", "failed"), {
    href: "https://a.example/jobs/api/v1/batches/bat%201/results?format=csv&status=failed", name: "bat 1-failed.csv",
  });
  assert.equal(resultsHref("http://127.0.0.1:1/", "b", "jsonl", undefined).href, "http://127.0.0.1:1/api/v1/batches/b/results?format=jsonl");
});

test("an estimate is held against the budget", () => {
  const estimate = { low: "4", mid: "5", high: "6" };
  assert.equal(estimateBar(estimate, "7")?.verdict, "within");
  assert.equal(estimateBar(estimate, "5")?.verdict, "perhaps");
  assert.equal(estimateBar(estimate, "3")?.verdict, "over");
  assert.equal(estimateBar(estimate, undefined)?.verdict, undefined);
  assert.equal(estimateBar({ low: "0", mid: "0", high: "0" }, undefined), undefined);
  const bar = estimateBar(estimate, "12");
  assert.ok(bar !== undefined && bar.from < bar.mid && bar.mid < bar.from + bar.length && (bar.budget ?? 0) > bar.from + bar.length && (bar.budget ?? 0) < 100);
});

test("sizes are told in the unit that fits", () => {
  assert.deepEqual([812, 2_048, 3_565_158, 1_073_741_824].map(formatBytes), ["812 B", "2 KiB", "3.4 MiB", "1 GiB"]);
});

test("a refused upload says what the server said", () => {
  assert.equal(answerOf(202, '{"id":"bat_1"}').id, "bat_1");
  const problem = { type: "urn:headway:problem:invalid", title: "Invalid", status: 422, code: "invalid", detail: "`concurrency` is 0", field: "concurrency" };
  assert.throws(() => answerOf(422, JSON.stringify(problem)), (error: { readonly code?: string; readonly message: string; readonly problem?: { readonly field?: string } }) =>
    error.code === "invalid" && error.message === "`concurrency` is 0" && error.problem?.field === "concurrency");
  assert.throws(() => answerOf(502, "<html>"), /answered 502/u);
  assert.throws(() => answerOf(500, "{}"), /answered 500/u);
});
