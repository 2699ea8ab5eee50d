// What has happened in a job: its newest events, what happens from now on, and older ones as far back as they are wanted.
//
// **Invariants:** events are in their order, without a hole, and each is there once, also where what was read meets what
// comes live. At most `KEPT` are held: those are the newest.

import type { Headway, HistoryEvent, JobEvent } from "@headway/client";

import { reasonOf } from "../../shell/words.ts";

/** Events of the first page: a screenful of newest ones is there before the others. */
const FIRST_PAGE = 200;
const PAGE = 1000;
/** Events that are read by themselves, and as many more each time that somebody asks for older ones. */
export const READ_AT_ONCE = 5000;
/** Events that are held at the most: what comes then takes the place of the oldest. */
export const KEPT = 50_000;

/** One event, or the news that some are missing. */
export type PastEvent = HistoryEvent & { readonly type?: unknown; readonly at?: unknown };

/** What of the client is needed for it. */
export interface HistoryClient {
  readonly watchJob: Headway["watchJob"];
  readonly jobs: Pick<Headway["jobs"], "history">;
}

export interface HistoryView {
  readonly events: readonly PastEvent[];
  readonly reading: boolean;
  /** Whether there is nothing older that could be read. */
  readonly complete: boolean;
  /** Whether as many are held as may be: older ones are not read. */
  readonly full: boolean;
  /** Whether the log has forgotten its beginning. */
  readonly beginsLate: boolean;
  readonly error: string | undefined;
}

const UNREAD: HistoryView = { events: [], reading: true, complete: false, full: false, beginsLate: false, error: undefined };

/** The newest page, and what came live meanwhile, each event once. Live events of one report have the position of its last one. */
export function joined(read: readonly PastEvent[], early: readonly PastEvent[]): PastEvent[] {
  const known = new Set(read.map(({ cursor }) => cursor));
  return [...read, ...early.slice(early.findLastIndex(({ cursor }) => known.has(cursor)) + 1)];
}

/** What reads older ones, where there are some and none are on their way. */
export function olderOf(history: History, { complete, full, reading }: HistoryView): (() => void) | undefined {
  return complete || full || reading ? undefined : () => { history.more(); };
}

export class History {
  readonly #client: HistoryClient;
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  #ending = new AbortController();
  #stopWatching: () => void = () => undefined;
  #events: PastEvent[] = [];
  /** Where to read back from: `latest` before the newest page is there, `undefined` where nothing is older. */
  #before: string | undefined = "latest";
  #limit = READ_AT_ONCE;
  /** The moment, in milliseconds since 1970, that somebody looks at: events are read back to it. */
  #wanted = Number.POSITIVE_INFINITY;
  #reading = false;
  #beginsLate = false;
  #full = false;
  #error: string | undefined;
  #telling = false;
  #view = UNREAD;

  constructor(client: HistoryClient, id: string) {
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

  /** Begins, with the newest. */
  start(): void {
    this.#ending = new AbortController();
    [this.#events, this.#before, this.#limit, this.#view] = [[], "latest", READ_AT_ONCE, UNREAD];
    [this.#reading, this.#beginsLate, this.#full] = [false, false, false];
    const watch = this.#client.watchJob(this.#id, { events: true, onEvent: (event) => { this.#take(event); } });
    this.#stopWatching = watch.close;
    void this.read();
  }

  stop(): void {
    this.#ending.abort();
    this.#stopWatching();
  }

  /** Reads older ones, as many again. */
  more(): void {
    this.#limit = this.#events.length + READ_AT_ONCE;
    void this.read();
  }

  /** Reads back to a moment that somebody looks at; `undefined` for the present. */
  reach(moment: number | undefined): void {
    this.#wanted = moment ?? Number.POSITIVE_INFINITY;
    if (this.#error === undefined && this.#wantsOlder()) void this.read();
  }

  /** Reads back until it knows everything, or as much as is wanted. */
  async read(): Promise<void> {
    if (this.#reading || !this.#wantsOlder()) return;
    const { signal } = this.#ending;
    this.#reading = true;
    this.#error = undefined;
    this.#tell();
    try {
      for (let before = this.#before; before !== undefined && this.#wantsOlder(); before = this.#before) {
        const isNewest = before === "latest";
        // What came live before the newest page is asked for is in it, or older.
        if (isNewest) this.#events = [];
        const page = await this.#client.jobs.history(this.#id, { before, limit: isNewest ? FIRST_PAGE : PAGE }, { signal });
        if (signal.aborted) return;
        this.#events = isNewest ? joined(page.events, this.#events) : [...page.events, ...this.#events];
        this.#before = page.previous ?? undefined;
        this.#beginsLate = this.#before === undefined && page.trimmed_to !== undefined && page.trimmed_to !== null;
        this.#keepNewest();
        this.#tell();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#error = reasonOf(error);
    }
    this.#reading = false;
    this.#tell();
  }

  #wantsOlder(): boolean {
    if (this.#before === undefined || this.#full) return false;
    const oldest = this.#events[0]?.at;
    return this.#before === "latest" || this.#events.length < this.#limit || (typeof oldest === "string" && Date.parse(oldest) > this.#wanted);
  }

  #take(event: JobEvent): void {
    const past: PastEvent = event.type === "gap" ? { type: "gap", cursor: event.to, to: event.to, reason: event.reason } : { ...event.event, cursor: event.cursor };
    this.#events = [...this.#events, past];
    this.#keepNewest();
    this.#tell();
  }

  #keepNewest(): void {
    if (this.#events.length <= KEPT) return;
    this.#events = this.#events.slice(-KEPT);
    // What would be read next is no longer what comes before them.
    this.#full = true;
  }

  /** Tells once for what comes together. */
  #tell(): void {
    if (this.#telling || this.#ending.signal.aborted) return;
    this.#telling = true;
    setTimeout(() => {
      this.#telling = false;
      this.#view = { events: this.#events, reading: this.#reading, complete: this.#before === undefined && !this.#full, full: this.#full, beginsLate: this.#beginsLate, error: this.#error };
      for (const listener of [...this.#listeners]) listener();
    }, 60);
  }
}
