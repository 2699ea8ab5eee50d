// Items that somebody has ticked.

/** What is ticked. It is never changed: another choice is another object. */
export interface Chosen {
  readonly indexes: ReadonlySet<number>;
  /** The one that was ticked last: with Shift, everything from here on. */
  readonly anchor: number | undefined;
}

export const NOTHING: Chosen = { indexes: new Set(), anchor: undefined };

/**
 * Ticks or unticks one item; with `range`, all from the one before it to it, as that one is.
 * `order` holds the items that can be ticked, as they stand in the list.
 */
export function toggle(chosen: Chosen, index: number, range: boolean, order: readonly number[]): Chosen {
  const indexes = new Set(chosen.indexes);
  const from = chosen.anchor === undefined ? -1 : order.indexOf(chosen.anchor);
  const to = order.indexOf(index);
  if (range && from >= 0 && to >= 0 && chosen.anchor !== undefined) {
    const ticks = indexes.has(chosen.anchor);
    for (const between of order.slice(Math.min(from, to), Math.max(from, to) + 1)) {
      if (ticks) indexes.add(between);
      else indexes.delete(between);
    }
    return { indexes, anchor: index };
  }
  if (!indexes.delete(index)) indexes.add(index);
  return { indexes, anchor: index };
}

/** Ticks everything in the list, or nothing of it when all of it is ticked. */
export function toggleAll(chosen: Chosen, order: readonly number[]): Chosen {
  const indexes = new Set(chosen.indexes);
  if (order.every((index) => indexes.has(index))) for (const index of order) indexes.delete(index);
  else for (const index of order) indexes.add(index);
  return { indexes, anchor: undefined };
}

/** How much of the list is ticked. */
export function share(chosen: Chosen, order: readonly number[]): "none" | "some" | "all" {
  const ticked = order.reduce((count, index) => count + (chosen.indexes.has(index) ? 1 : 0), 0);
  return ticked === 0 ? "none" : ticked === order.length ? "all" : "some";
}

/** What is left of a choice when only these can still be ticked. */
export function keepOnly(chosen: Chosen, order: ReadonlySet<number>): Chosen {
  const indexes = new Set([...chosen.indexes].filter((index) => order.has(index)));
  return indexes.size === chosen.indexes.size ? chosen : { indexes, anchor: chosen.anchor };
}
