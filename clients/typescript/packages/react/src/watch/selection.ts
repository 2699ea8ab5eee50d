"use client";
// A part of a store's snapshot: a component is rendered again only when its part has changed.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Store } from "@headway/client";

/** What a component takes of a snapshot. */
export interface Selecting<Snapshot, Selected> {
  /** The part; the function may be a new one on each rendering. */
  readonly select: (snapshot: Snapshot) => Selected;
  /** Whether two parts are the same; `Object.is` unless said. */
  readonly isEqual?: ((one: Selected, other: Selected) => boolean) | undefined;
}

/** Reads a part of a store; on a server, and while its HTML is taken over, of `initial`. */
export function useSelected<Snapshot, Selected>(
  store: Store<Snapshot>,
  initial: Snapshot,
  select: (snapshot: Snapshot) => Selected,
  isEqual: (one: Selected, other: Selected) => boolean = Object.is,
): Selected {
  const [shown] = useState(() => new Shown<Selected>());
  const [read, readInitial] = useMemo(() => {
    const selection = remember(select, isEqual, shown);
    return [() => selection(store.getSnapshot()), () => selection(initial)] as const;
  }, [store, initial, select, isEqual, shown]);
  const selected = useSyncExternalStore(store.subscribe, read, readInitial);
  useEffect(() => {
    shown.set(selected);
  }, [shown, selected]);
  return selected;
}

/** What a component shows: it stays what it is while an equal part is selected by another function. */
class Shown<Selected> {
  #shown: { readonly selected: Selected } | undefined;

  get(): { readonly selected: Selected } | undefined {
    return this.#shown;
  }

  set(selected: Selected): void {
    this.#shown = { selected };
  }
}

/** Selects, and gives what was selected before where that is the same. */
function remember<Snapshot, Selected>(
  select: (snapshot: Snapshot) => Selected,
  isEqual: (one: Selected, other: Selected) => boolean,
  shown: Shown<Selected>,
): (snapshot: Snapshot) => Selected {
  let last: { readonly snapshot: Snapshot; readonly selected: Selected } | undefined;
  return (snapshot) => {
    if (last !== undefined && Object.is(last.snapshot, snapshot)) return last.selected;
    const next = select(snapshot);
    const before = last ?? shown.get();
    const selected = before !== undefined && isEqual(before.selected, next) ? before.selected : next;
    last = { snapshot, selected };
    return selected;
  };
}

/** All of it. */
export function whole<Snapshot>(snapshot: Snapshot): Snapshot {
  return snapshot;
}
