// The items of a batch that a list shows: read page by page, and again as they move.

import type { ItemPage, ItemStatus } from "@headway/client";

import { systemAfter, type After } from "../model/feed.ts";
import { extended, renewed, UNREAD, type ItemList } from "../model/item_list.ts";

/** Items on a page. */
export const PAGE = 100;
/** The shortest time between two readings of what is in sight, in milliseconds. */
const RENEW_EVERY_MS = 2_500;

/** Which items. */
export interface ItemFilter {
  readonly status: ItemStatus | undefined;
  readonly error: string | undefined;
  /** Only from this index on. */
  readonly from: number;
}

export interface ItemsState {
  readonly list: ItemList;
  readonly reading: boolean;
  readonly error: unknown;
}

/** Reads a page: the items after an index. */
export type ReadItems = (after: number | undefined, signal: AbortSignal) => Promise<ItemPage>;

/** One list, for one filter. */
export class Items {
  readonly #read: ReadItems;
  /** Items after this index are listed. */
  readonly #first: number | undefined;
  readonly #after: After;
  readonly #listeners = new Set<() => void>();
  #state: ItemsState = { list: UNREAD, reading: false, error: undefined };
  #ending = new AbortController();
  #inSight = 0;
  #version: string | undefined;
  #takeBack: (() => void) | undefined;

  constructor(read: ReadItems, from: number, after: After = systemAfter) {
    this.#read = read;
    this.#first = from > 0 ? from - 1 : undefined;
    this.#after = after;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): ItemsState => this.#state;

  start(): void {
    if (this.#ending.signal.aborted) this.#ending = new AbortController();
    if (!this.#state.list.read) void this.more();
  }

  stop(): void {
    this.#ending.abort();
    this.#takeBack?.();
    this.#takeBack = undefined;
    this.#state = { ...this.#state, reading: false };
  }

  /** Reads the next page, if there is one. */
  readonly more = async (): Promise<void> => {
    const { list, reading } = this.#state;
    if (reading || (list.read && list.next === undefined)) return;
    const { signal } = this.#ending;
    this.#become({ ...this.#state, reading: true });
    try {
      const page = await this.#read(list.read ? list.next : this.#first, signal);
      if (!signal.aborted) this.#become({ list: extended(this.#state.list, page), reading: false, error: undefined });
    } catch (error) {
      if (!signal.aborted) this.#become({ ...this.#state, reading: false, error });
    }
  };

  /** Which place of the list is the first in sight. */
  look(place: number): void {
    this.#inSight = place;
  }

  /** How the batch stands; when it has moved, what is in sight is read again soon. */
  change(version: string): void {
    const moved = this.#version !== undefined && this.#version !== version;
    this.#version = version;
    if (!moved || this.#takeBack !== undefined) return;
    this.#takeBack = this.#after(RENEW_EVERY_MS, () => {
      this.#takeBack = undefined;
      void this.#renew();
    });
  }

  async #renew(): Promise<void> {
    const { list, reading } = this.#state;
    // What is being read is as it is now, and what is above it is out of sight.
    if (!list.read || reading) return;
    const after = list.rows[this.#inSight - 1]?.index ?? this.#first;
    const { signal } = this.#ending;
    try {
      const page = await this.#read(after, signal);
      if (!signal.aborted) this.#become({ ...this.#state, list: renewed(this.#state.list, after, page) });
    } catch {
      // What is shown stays; the next change asks again.
    }
  }

  #become(state: ItemsState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}
