import assert from "node:assert/strict";
import { test } from "node:test";

import type { Item, ItemPage, ItemStatus } from "@headway/client";

import { keepOnly, NOTHING, share, toggle, toggleAll } from "../../src/batches/model/chosen.ts";
import { extended, renewed, UNREAD } from "../../src/batches/model/item_list.ts";
import { brief, itemRow } from "../../src/batches/model/item_row.ts";
import { canRunAgain, retryChoices, retryRefusal } from "../../src/batches/model/retrying.ts";

const item = (index: number, status: ItemStatus = "succeeded"): Item => ({ index, status, attempts: 1, input: { index } });
const page = (indexes: readonly number[], next?: number): ItemPage => ({
  items: indexes.map((index) => item(index)), ...(next !== undefined && { next }),
});
const indexes = (list: { readonly rows: readonly { readonly index: number }[] }): readonly number[] => list.rows.map(({ index }) => index);

test("a row keeps how a large value begins and not the value", () => {
  const row = itemRow({ ...item(3), input: { text: "x".repeat(1_000_000) }, custom_id: "row-3", cost: "0.5", duration_ms: 12 });
  assert.ok(row.input.length < 200);
  assert.equal(row.customId, "row-3");
  assert.equal(row.durationMs, 12);
});

test("a value is told on one line", () => {
  assert.equal(brief({ city: "Bern", size: 4, deep: { a: [1] } }), 'city Bern · size 4 · deep {"a":[1]}');
  assert.equal(brief("two\nlines  and more"), "two lines and more");
  assert.equal(brief([1, 2]), "[1,2]");
  assert.equal(brief({}), "{}");
  assert.equal(brief(null), "");
  assert.equal(brief(false), "false");
});

test("a failed item's row says why", () => {
  const row = itemRow({ ...item(1, "failed"), output: 7, error: { code: "exit_code", message: "it ended\nwith 3" } });
  assert.deepEqual([row.outcome, row.code], ["it ended with 3", "exit_code"]);
});

test("pages follow each other and no item comes twice", () => {
  let list = extended(UNREAD, page([0, 1, 2], 2));
  list = extended(list, page([2, 3, 4]));
  assert.deepEqual(indexes(list), [0, 1, 2, 3, 4]);
  assert.equal(list.next, undefined);
});

test("what is read again stands as it is now: new ones come, gone ones go, the rest stays", () => {
  const list = extended(extended(UNREAD, page([1, 4, 6], 6)), page([9, 12], 12));
  const again = renewed(list, undefined, page([1, 2, 6], 6));
  assert.deepEqual(indexes(again), [1, 2, 6, 9, 12]);
  assert.equal(again.next, 12);
  // More ended in the same part: the page reaches less far, and what is behind it stays.
  assert.deepEqual(indexes(renewed(list, undefined, page([0, 1, 2], 2))), [0, 1, 2, 4, 6, 9, 12]);
  // The list ends now where the page ends.
  const shorter = renewed(list, 4, page([6]));
  assert.deepEqual(indexes(shorter), [1, 4, 6]);
  assert.equal(shorter.next, undefined);
});

test("with Shift everything between two ticks is as the first", () => {
  const order = [2, 5, 7, 11, 13];
  const two = toggle(NOTHING, 5, false, order);
  const range = toggle(two, 13, true, order);
  assert.deepEqual([...range.indexes].sort((a, b) => a - b), [5, 7, 11, 13]);
  const off = toggle(toggle(range, 13, false, order), 7, true, order);
  assert.deepEqual([...off.indexes], [5]);
  const backwards = toggle(toggle(NOTHING, 11, false, order), 2, true, order);
  assert.equal(backwards.indexes.size, 4);
  // The first tick is no longer in the list: there is no range.
  assert.deepEqual([...toggle(two, 13, true, [7, 13]).indexes], [5, 13]);
});

test("everything can be ticked and unticked at once", () => {
  const order = [1, 2, 3];
  assert.equal(share(NOTHING, order), "none");
  const some = toggle(NOTHING, 2, false, order);
  assert.equal(share(some, order), "some");
  const all = toggleAll(some, order);
  assert.equal(share(all, order), "all");
  assert.equal(toggleAll(all, order).indexes.size, 0);
  assert.deepEqual([...keepOnly(all, new Set([3])).indexes], [3]);
  assert.equal(keepOnly(all, new Set(order)), all);
});

test("items run again only after the end, and it is said why not before", () => {
  const items = { failed: 3, cancelled: 0, expired: 0 };
  assert.match(retryRefusal({ status: "running", items }) ?? "", /when the batch has ended/u);
  assert.match(retryRefusal({ status: "cancelling", items }) ?? "", /being cancelled/u);
  assert.match(retryRefusal({ status: "completed", items: { ...items, failed: 0 } }) ?? "", /nothing to run again/u);
  assert.equal(retryRefusal({ status: "completed", items }), undefined);
  assert.deepEqual(retryChoices({ status: "running", items }), []);
});

test("what can run again is offered by what is there", () => {
  const choices = (failed: number, cancelled: number, expired: number): readonly string[] =>
    retryChoices({ status: "cancelled", items: { failed, cancelled, expired } }).map(({ status, count }) => `${status} ${count}`);
  assert.deepEqual(choices(3, 0, 0), ["failed 3"]);
  assert.deepEqual(choices(3, 4, 0), ["failed 3", "cancelled 4", "unfinished 7"]);
  assert.deepEqual(choices(0, 0, 2), ["expired 2"]);
  assert.ok(canRunAgain("expired") && !canRunAgain("succeeded"));
});
