// The newest events of a job, as many as somebody wants to see.

import type { JobEvent, Store } from "@headway/client";

/** Events, oldest first. */
export interface EventsSnapshot {
  /** The newest ones; a `gap` stands where some are missing. */
  readonly events: readonly JobEvent[];
  /** How many times some were missing. */
  readonly gaps: number;
}

export const NO_EVENTS: EventsSnapshot = Object.freeze({ events: Object.freeze([]), gaps: 0 });

/** **Invariant:** at most `limit` events are shown and twice as many kept; readers are told once for what came together. */
export class EventLog implements Store<EventsSnapshot> {
  readonly #limit: number;
  readonly #listeners = new Set<{ readonly call: () => void }>();
  readonly #listen: (listener: (event: JobEvent) => void) => () => void;
  #kept: JobEvent[] = [];
  #gaps = 0;
  #snapshot = NO_EVENTS;
  #telling = false;
  #leave: (() => void) | undefined;

  constructor(limit: number, listen: (listener: (event: JobEvent) => void) => () => void) {
    this.#limit = Math.max(0, Math.floor(limit));
    this.#listen = listen;
  }

  readonly getSnapshot = (): EventsSnapshot => this.#snapshot;

  readonly subscribe = (call: () => void): (() => void) => {
    const listener = { call };
    this.#listeners.add(listener);
    this.#leave ??= this.#listen((event) => {
      this.#add(event);
    });
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#leave?.();
      this.#leave = undefined;
    };
  };

  #add(event: JobEvent): void {
    this.#kept.push(event);
    if (this.#kept.length > 2 * this.#limit) this.#kept = this.#kept.slice(-this.#limit || this.#kept.length);
    if (event.type === "gap") this.#gaps += 1;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#snapshot = { events: this.#kept.slice(Math.max(0, this.#kept.length - this.#limit)), gaps: this.#gaps };
      for (const { call: tell } of [...this.#listeners]) tell();
    });
  }
}
