// What has happened in a job: its history as far as it was read, then what happens from now on.
//
// **Invariants:** events are in their order and each is there once, also where what was read meets what
// comes live. At most `KEPT` are held. A longer history is read further on demand, from its beginning:
// until then what comes live follows after a gap.

import type { Headway, HistoryEvent, JobEvent, JobWatch } from "@headway/client";

import { reasonOf } from "../../shell/words.ts";

const PAGE = 1000;
/** Events that are read by themselves; more are asked for. */
const READ_AT_FIRST = 20_000;
/** Events that are held at the most: what comes then takes the place of the oldest. */
const KEPT = 50_000;

/** One event, or the news that some are missing. */
export type PastEvent = HistoryEvent & { readonly type?: unknown; readonly at?: unknown };

export interface HistoryView {
  readonly events: readonly PastEvent[];
  /** How many of them were read, from the beginning on. */
  readonly read: number;
  readonly reading: boolean;
  /** Whether everything up to now was read. */
  readonly complete: boolean;
  /** Whether the log has forgotten its beginning, or this has. */
  readonly beginsLate: boolean;
  readonly error: string | undefined;
}

/** What was read, and what came live meanwhile, each event once. Live events of one report have the position of its last one. */
export function joined(read: readonly PastEvent[], early: readonly PastEvent[]): PastEvent[] {
  const known = new Set(read.slice(-2 * PAGE).map(({ cursor }) => cursor));
  return [...read, ...early.filter(({ cursor }) => !known.has(cursor))];
}

export class History {
  readonly #client: Headway;
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  #ending = new AbortController();
  #watch: JobWatch | undefined;
  #events: PastEvent[] = [];
  /** What came live before everything older was read. */
  #early: PastEvent[] = [];
  #after: string | undefined;
  #limit = READ_AT_FIRST;
  #reading = false;
  #complete = false;
  #beginsLate = false;
  #error: string | undefined;
  #telling = false;
  #view: HistoryView = { events: [], read: 0, reading: true, complete: false, beginsLate: false, error: undefined };

  constructor(client: Headway, id: string) {
    this.#client = client;
    this.#id = id;
  }

  readonly getSnapshot = (): HistoryView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Begins, from the beginning. */
  start(): void {
    this.#ending = new AbortController();
    [this.#events, this.#early, this.#after] = [[], [], undefined];
    [this.#reading, this.#complete, this.#beginsLate] = [false, false, false];
    this.#watch = this.#client.watchJob(this.#id, { events: true, onEvent: (event) => { this.#take(event); } });
    void this.read();
  }

  stop(): void {
    this.#ending.abort();
    this.#watch?.close();
  }

  /** Reads on, as much again. */
  more(): void {
    this.#limit += READ_AT_FIRST;
    void this.read();
  }

  /** Reads until it knows everything, or as much as it was allowed to. */
  async read(): Promise<void> {
    if (this.#reading || this.#complete) return;
    const { signal } = this.#ending;
    this.#reading = true;
    this.#error = undefined;
    this.#tell();
    try {
      for (let last = false; !last && this.#events.length < this.#limit;) {
        const page = await this.#client.jobs.history(this.#id, { after: this.#after, limit: PAGE }, { signal });
        if (signal.aborted) return;
        if (page.trimmed_to !== undefined && page.trimmed_to !== null && this.#events.length === 0) this.#beginsLate = true;
        this.#events = [...this.#events, ...page.events];
        this.#after = page.next ?? page.events.at(-1)?.cursor ?? this.#after;
        last = page.next === undefined || page.next === null;
        if (last) this.#join();
        this.#tell();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#error = reasonOf(error);
    }
    this.#reading = false;
    this.#tell();
  }

  /** Everything was read: what came meanwhile follows, but for what the pages had already. */
  #join(): void {
    this.#events = joined(this.#events, this.#early);
    this.#early = [];
    this.#complete = true;
  }

  #take(event: JobEvent): void {
    const past: PastEvent = event.type === "gap" ? { type: "gap", cursor: event.to, to: event.to, reason: event.reason } : { ...event.event, cursor: event.cursor };
    if (this.#complete) this.#events = [...this.#events, past];
    else this.#early.push(past);
    if (this.#early.length > KEPT) this.#early = [{ type: "gap", cursor: `before ${past.cursor}`, to: past.cursor }, ...this.#early.slice(KEPT / 2)];
    if (this.#events.length > KEPT) {
      this.#events = this.#events.slice(-KEPT);
      this.#beginsLate = true;
    }
    this.#tell();
  }

  /** Tells once for what comes together. */
  #tell(): void {
    if (this.#telling || this.#ending.signal.aborted) return;
    this.#telling = true;
    setTimeout(() => {
      this.#telling = false;
      const unread: readonly PastEvent[] = this.#complete || this.#early.length === 0 ? [] : [{ type: "gap", cursor: "unread", to: "unread" }, ...this.#early];
      const events = unread.length === 0 || this.#reading ? this.#events : [...this.#events, ...unread];
      this.#view = { events, read: this.#events.length, reading: this.#reading, complete: this.#complete, beginsLate: this.#beginsLate, error: this.#error };
      for (const listener of [...this.#listeners]) listener();
    }, 60);
  }
}
