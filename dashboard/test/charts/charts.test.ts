import assert from "node:assert/strict";
import { test } from "node:test";

import { alone, areaPath, bandPath, linePath, stackedBars } from "../../src/charts/geometry.ts";
import { moved, nearest } from "../../src/charts/nearest.ts";
import { timeTicks, valueTicks } from "../../src/charts/ticks.ts";

test("an axis of values begins at zero, is round, and ends at or above the largest value", () => {
  assert.deepEqual(valueTicks(97, 4), [0, 20, 40, 60, 80, 100]);
  for (const max of [0.0013, 0.4, 1, 7, 42, 999, 123_456]) {
    const ticks = valueTicks(max, 4);
    assert.equal(ticks[0], 0);
    assert.ok((ticks.at(-1) ?? 0) >= max, `the axis ends at ${String(ticks.at(-1))} below ${max}`);
    assert.ok(ticks.length <= 7, `${ticks.length} marks`);
  }
});

test("an axis without a value still has an end", () => {
  assert.ok((valueTicks(0, 4).at(-1) ?? 0) > 0);
  assert.ok((valueTicks(Number.NaN, 4).at(-1) ?? 0) > 0);
});

test("an axis of time has as many marks as have room, on round times", () => {
  const from = Date.UTC(2026, 10, 21, 10, 0, 7);
  const wide = timeTicks(from, from + 3_600_000, 900, "en-GB");
  const narrow = timeTicks(from, from + 3_600_000, 240, "en-GB");
  assert.ok(wide.length > narrow.length && narrow.length >= 2);
  assert.ok(wide.length * 60 <= 900);
  assert.ok(wide.every(({ at }) => at % 60_000 === 0));
  assert.match(wide[0]?.label ?? "", /^\d\d:\d\d$/u);
  assert.match(timeTicks(from, from + 20_000, 500, "en-GB")[0]?.label ?? "", /^\d\d:\d\d:\d\d$/u);
  assert.match(timeTicks(from, from + 20 * 86_400_000, 500, "en-GB")[0]?.label ?? "", /Nov|Dec/u);
  assert.deepEqual(timeTicks(from, from, 500), []);
  assert.deepEqual(timeTicks(from, from + 1, 0), []);
});

test("marks of any span on any width do not run into each other, and say how far it is", () => {
  const from = Date.UTC(2026, 10, 21, 20, 27, 51);
  for (const span of [700, 1_100, 4_000, 10_000, 13_000, 67_000, 91_000, 400_000, 3_000_000, 40_000_000, 700_000_000]) {
    for (const width of [250, 320, 460, 700, 1_100]) {
      const ticks = timeTicks(from, from + span, width);
      assert.ok(ticks.length >= 2, `${ticks.length} marks in ${span} ms on ${width} pixels`);
      const gap = (((ticks[1]?.at ?? 0) - (ticks[0]?.at ?? 0)) / span) * width;
      assert.ok(gap >= 66, `marks ${gap} pixels apart: ${span} ms on ${width} pixels`);
    }
  }
});

test("the crosshair finds the nearest sample", () => {
  const times = [10, 20, 40];
  for (const [at, place] of [[-5, 0], [10, 0], [14, 0], [15, 0], [16, 1], [29, 1], [31, 2], [99, 2]] as const) {
    assert.equal(nearest(times, at), place, `at ${at}`);
  }
  assert.equal(nearest([], 3), undefined);
  assert.equal(nearest([7], 3), 0);
});

test("keys move the crosshair and stop at the ends", () => {
  assert.equal(moved("ArrowLeft", undefined, 50), 48);
  assert.equal(moved("ArrowLeft", 0, 50), 0);
  assert.equal(moved("ArrowRight", 49, 50), 49);
  assert.equal(moved("PageDown", 30, 50), 25);
  assert.equal(moved("Home", 30, 50), 0);
  assert.equal(moved("End", 0, 50), 49);
  assert.equal(moved("a", 3, 50), undefined);
  assert.equal(moved("Home", undefined, 0), undefined);
});

test("a line has a hole where nothing is known, and a place by itself is a dot", () => {
  const places = [{ x: 0, y: 1 }, { x: 1, y: 2 }, { x: 2, y: undefined }, { x: 3, y: 4 }];
  assert.equal(linePath(places, "steps").match(/M/gu)?.length, 2);
  assert.deepEqual(alone(places), [{ x: 3, y: 4 }]);
  assert.deepEqual(alone([{ x: 5, y: 5 }]), [{ x: 5, y: 5 }]);
  assert.equal(linePath([], "smooth"), "");
  assert.equal(areaPath([], 10, "smooth"), "");
  assert.equal(bandPath([{ x: 0, y: 1 }, { x: 1, y: undefined }], [{ x: 0, y: 3 }, { x: 1, y: 3 }], "steps").match(/M/gu)?.length, 1);
});

test("a bar that stands alone is no wall, and in the middle of its time", () => {
  const [bars] = stackedBars([[5]], [0], 10, { x: (at) => 50 * at, y: (value) => 100 - value });
  const [bar] = bars ?? [];
  assert.deepEqual([bar?.x, bar?.width], [218, 64]);
});

test("bars stand on each other, and one failure among thousands is a pixel high", () => {
  const scale = { x: (at: number) => at, y: (value: number) => 100 - value / 100 };
  const [good, bad] = stackedBars([[5_000, 0], [1, 0]], [0, 12], 12, scale);
  assert.deepEqual(good?.[0], { x: 1, width: 10, y: 50, height: 50 });
  assert.deepEqual([bad?.[0]?.y, bad?.[0]?.height], [49, 1]);
  assert.equal(bad?.[1]?.height, 0);
});
