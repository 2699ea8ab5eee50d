// Which rows of a long list are drawn.

import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsInSight } from "../../src/design/rows_in_sight.ts";

const LIST = { count: 1000, size: 50, spare: 4 };

test("those in sight are drawn, with some before and after them", () => {
  assert.deepEqual(rowsInSight(LIST, 0, 500), { first: 0, from: 0, to: 15 });
  assert.deepEqual(rowsInSight(LIST, 5_000, 500), { first: 100, from: 96, to: 115 });
  // A part of a row at either edge is in sight.
  assert.deepEqual(rowsInSight(LIST, 5_049, 500), { first: 100, from: 96, to: 115 });
});

test("what stands above the list is scrolled first", () => {
  assert.deepEqual(rowsInSight({ ...LIST, above: 200 }, 150, 500), { first: 0, from: 0, to: 15 });
  assert.deepEqual(rowsInSight({ ...LIST, above: 200 }, 5_200, 500), { first: 100, from: 96, to: 115 });
});

test("at the end the last row is drawn, and where rows have left below what was scrolled, the last ones are", () => {
  assert.equal(rowsInSight(LIST, 50_000 - 500, 500).to, 1000);
  assert.deepEqual(rowsInSight({ ...LIST, count: 30 }, 5_000, 500), { first: 19, from: 15, to: 30 });
  assert.deepEqual(rowsInSight({ ...LIST, count: 3 }, 5_000, 500), { first: 0, from: 0, to: 3 });
  assert.deepEqual(rowsInSight({ ...LIST, count: 0 }, 0, 500), { first: 0, from: 0, to: 0 });
});

test("nothing is drawn of a list of which no height is known but what is spare", () => {
  assert.deepEqual(rowsInSight(LIST, 0, 0), { first: 0, from: 0, to: 5 });
});
