import assert from "node:assert/strict";
import { test } from "node:test";

import { CostHistory } from "../../src/batches/model/cost_history.ts";
import { rates, rateUnit, settled, SettledLog, since, throughput } from "../../src/batches/model/throughput.ts";

const START = Date.parse("2026-11-21T10:00:00.000Z");
const at = (ms: number): string => new Date(START + ms).toISOString();
const counts = (succeeded: number, failed: number, skipped = 0) => ({
  total: 100, queued: 0, running: 0, retrying: 0, cancelled: 0, expired: 0, succeeded, failed, skipped,
});

test("what a watch has seen since comes on top of what the server counted", () => {
  const timings = { step_ms: 1_000, points: [{ at: at(0), finished: 5, failed: 1 }, { at: at(1_000), finished: 4, failed: 0 }] };
  const seen = [
    settled(START + 1_900, counts(8, 1)),
    settled(START + 1_950, counts(10, 1)),
    settled(START + 3_500, counts(11, 2, 1)),
  ];
  const { starts, succeeded, failed } = throughput(timings, seen);
  assert.deepEqual(starts.map((start) => start - START), [0, 1_000, 2_000, 3_000]);
  assert.deepEqual(succeeded, [4, 6, 0, 2]);
  assert.deepEqual(failed, [1, 0, 0, 1]);
});

test("a batch of which nothing has ended has no bars, and counts that fall are not negative bars", () => {
  assert.deepEqual(throughput({ step_ms: 1_000, points: [] }, []).starts, []);
  const fallen = throughput({ step_ms: 1_000, points: [] }, [settled(START, counts(5, 5)), settled(START + 10, counts(5, 0))]);
  assert.deepEqual(fallen.starts, []);
});

test("holes in what the server tells are bars of nothing", () => {
  const points = [{ at: at(0), finished: 1, failed: 0 }, { at: at(3_000), finished: 1, failed: 0 }];
  assert.deepEqual(throughput({ step_ms: 1_000, points }, []).succeeded, [1, 0, 0, 1]);
});

test("a rate is told in the unit in which it is at least one", () => {
  const bars = (most: number, stepMs: number) => ({ stepMs, starts: [0], succeeded: [most], failed: [0] });
  assert.equal(rateUnit(bars(500, 1_000)).label, "s");
  assert.equal(rateUnit(bars(5, 10_000)).label, "min");
  assert.equal(rateUnit(bars(1, 600_000)).label, "h");
  assert.equal(rateUnit(bars(0, 1_000)).label, "s");
});

test("a cost without a forecast yet is a line without a band", () => {
  const history = new CostHistory();
  history.add(1, { currency: "USD", spent: "0.5" });
  history.add(2, { currency: "USD", spent: "1.0", forecast: "4", forecast_low: "3", forecast_high: "6" });
  history.add(3, null);
  assert.deepEqual(history.moments.map(({ spent, low, high }) => [spent, low, high]), [[0.5, undefined, undefined], [1, 3, 6]]);
});

test("a long history is kept small, with its first and its newest moment", () => {
  const history = new CostHistory();
  for (let moment = 0; moment < 100_000; moment += 1) {
    history.add(moment * 100, { currency: "USD", spent: String(moment) });
    assert.ok(history.moments.length <= 480);
  }
  const { moments } = history;
  assert.ok(moments.length >= 120, `${moments.length} moments`);
  assert.equal(moments[0]?.spent, 0);
  assert.equal(moments.at(-1)?.spent, 99_999);
  assert.ok(moments.every((moment, place) => place === 0 || moment.at > (moments[place - 1]?.at ?? 0)));
});

test("what is older than the newest is passed over", () => {
  const history = new CostHistory();
  history.add(10, { currency: "USD", spent: "2" });
  history.add(5, { currency: "USD", spent: "1" });
  history.add(10, { currency: "USD", spent: "3" });
  assert.deepEqual(history.moments.map(({ at: moment, spent }) => [moment, spent]), [[10, 3]]);
});

test("the last bar counts by the time that it has lasted, and not at all while that says nothing", () => {
  const bars = { stepMs: 1_000, starts: [0, 1_000, 2_000], succeeded: [10, 10, 5], failed: [0, 0, 1] };
  const unit = { ms: 1_000, label: "s" };
  assert.deepEqual(rates(bars, unit, 2_500).succeeded, [10, 10, 10]);
  assert.deepEqual(rates(bars, unit, 2_500).failed, [0, 0, 2]);
  assert.deepEqual(rates(bars, unit, 2_100).starts, [0, 1_000]);
  assert.deepEqual(rates(bars, unit, Number.POSITIVE_INFINITY).succeeded, [10, 10, 5]);
  assert.equal(rates({ ...bars, starts: [0], succeeded: [1], failed: [0] }, unit, 10).starts.length, 1);
});

test("of what was seen, what the server has counted already is left out", () => {
  const log = new SettledLog();
  log.add(settled(START, counts(1, 0)));
  log.add(settled(START + 900, counts(1, 0)));
  log.add(settled(START + 1_000, counts(3, 1)));
  log.add(settled(START + 1_100, counts(4, 1)));
  log.add(settled(START + 2_000, counts(5, 1)));
  assert.equal(log.getSnapshot().length, 3, "what has not changed, or only just, is not kept");
  assert.deepEqual(since(log.getSnapshot(), 4).map(({ succeeded }) => succeeded), [3, 5]);
  assert.deepEqual(since(log.getSnapshot(), 7), []);
});
