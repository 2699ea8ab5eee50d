// The items of a batch that a list shows: read page by page, and again as they move.

import type { Headway, ItemStatus } from "@headway/client";

import { extended, renewed, UNREAD, type ItemList } from "../model/item_list.ts";

/** Items on a page. */
const PAGE = 100;
/** The shortest time between two readings of what is in sight, in milliseconds. */
export const RENEW_EVERY_MS = 2_500;

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

/** One list, for one filter. */
export class Items {
  readonly #batches: Headway["batches"];
  readonly #id: string;
  readonly #filter: ItemFilter;
  readonly #listeners = new Set<() => void>();
  #state: ItemsState = { list: UNREAD, reading: false, error: undefined };
  #ending = new AbortController();
  #renewing = false;

  constructor(batches: Headway["batches"], id: string, filter: ItemFilter) {
    this.#batches = batches;
    this.#id = id;
    this.#filter = filter;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): ItemsState => this.#state;

  /** Reads the next page, if there is one. */
  readonly more = async (): Promise<void> => {
    const { list, reading } = this.#state;
    if (reading || (list.read && list.next === undefined)) return;
    const { signal } = this.#ending;
    this.#become({ ...this.#state, reading: true });
    try {
      const page = await this.#batches.items(this.#id, this.#query(list.read ? list.next : this.#first), { signal });
      this.#become({ list: extended(this.#state.list, page), reading: false, error: undefined });
    } catch (error) {
      if (!signal.aborted) this.#become({ ...this.#state, reading: false, error });
    }
  };

  /** Reads again what is in sight from the item at a place of the list on. */
  readonly renew = async (place: number): Promise<void> => {
    if (this.#renewing || !this.#state.list.read) return;
    const after = this.#state.list.rows[place - 1]?.index ?? this.#first;
    const { signal } = this.#ending;
    this.#renewing = true;
    try {
      const page = await this.#batches.items(this.#id, this.#query(after), { signal });
      this.#become({ list: renewed(this.#state.list, after, page), reading: this.#state.reading, error: undefined });
    } catch {
      // What is shown stays; the next change asks again.
    } finally {
      this.#renewing = false;
    }
  };

  start(): void {
    if (this.#ending.signal.aborted) this.#ending = new AbortController();
    if (!this.#state.list.read) void this.more();
  }

  stop(): void {
    this.#ending.abort();
    this.#state = { ...this.#state, reading: false };
  }

  get #first(): number | undefined {
    return this.#filter.from > 0 ? this.#filter.from - 1 : undefined;
  }

  #query(after: number | undefined) {
    const { status, error } = this.#filter;
    return { after, limit: PAGE, ...(status !== undefined && { status: [status] }), ...(error !== undefined && { error }) };
  }

  #become(state: ItemsState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}
