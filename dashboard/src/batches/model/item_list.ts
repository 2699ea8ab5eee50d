// The part of a batch's items that was read, by index, and how pages and repeats come together.

import type { ItemPage } from "@headway/client";

import { itemRow, type ItemRow } from "./item_row.ts";

/** What was read of a list. It is never changed: more is another object. */
export interface ItemList {
  /** By index, each once. */
  readonly rows: readonly ItemRow[];
  /** Passed as `after`, reads on; `undefined` where the list ends. */
  readonly next: number | undefined;
  /** Whether anything was read. */
  readonly read: boolean;
}

export const UNREAD: ItemList = { rows: [], next: undefined, read: false };

/** The list with the page that follows it. */
export function extended(list: ItemList, page: ItemPage): ItemList {
  const last = list.rows.at(-1)?.index ?? -1;
  const rows = page.items.filter(({ index }) => index > last).map(itemRow);
  return { rows: [...list.rows, ...rows], next: page.next ?? undefined, read: true };
}

/**
 * The list after a part of it was read again, from the item after `after` on: what the page tells
 * of stands as it does now, and what is not in it any more goes.
 */
export function renewed(list: ItemList, after: number | undefined, page: ItemPage): ItemList {
  const from = after ?? -1;
  const fresh = page.items.map(itemRow);
  const ends = page.next === undefined || page.next === null;
  const to = ends ? Number.POSITIVE_INFINITY : (fresh.at(-1)?.index ?? from);
  const before = list.rows.filter(({ index }) => index <= from);
  const behind = list.rows.filter(({ index }) => index > to);
  const rows = [...before, ...fresh, ...behind];
  return { rows, next: behind.length > 0 ? list.next : (page.next ?? undefined), read: true };
}
