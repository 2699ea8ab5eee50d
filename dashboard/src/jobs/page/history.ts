// What has happened in a job: its newest events, what happens from now on, and older ones as far back as they are wanted.
//
// **Invariants:** events are in their order, without a hole, and each is there once, also where what was read meets what
// comes live. At most `KEPT` are shown, and a page more held until then: those are the newest. What was shown does not change.

import type { Headway, HistoryEvent, HistoryPage, JobEvent } from "@headway/client";

import { reasonOf } from "../../shell/words.ts";

/** Events of the first page: a screenful of newest ones is there before the others. */
const FIRST_PAGE = 200;
const PAGE = 1000;
/** Events that are read by themselves, and as many more each time that somebody asks for older ones. */
export const READ_AT_ONCE = 5000;
/** Events that are shown at the most: what comes then takes the place of the oldest. */
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
  /** Whether the first ones are there, as many as are read by themselves. */
  readonly begun: boolean;
  /** Whether there is nothing older that could be read. */
  readonly complete: boolean;
  /** Whether as many are held as may be: older ones are not read. */
  readonly full: boolean;
  /** Whether the log has forgotten its beginning. */
  readonly beginsLate: boolean;
  readonly error: string | undefined;
}

const UNREAD: HistoryView = { events: [], reading: true, begun: false, complete: false, full: false, beginsLate: false, error: undefined };

/** The newest page, and what came live meanwhile, each event once. Live events of one report have the position of its last one. */
export function joined({ events, cursor: newest }: Pick<HistoryPage, "events" | "cursor">, early: readonly PastEvent[]): PastEvent[] {
  return [...events, ...early.filter(({ cursor }) => !isWithin(cursor, newest))];
}

/** Whether a position is of the same log as another and not after it: the log's name, a dash and a number. */
function isWithin(cursor: string, newest: string | undefined): boolean {
  if (newest === undefined) return false;
  const [log, number] = cursor.split("-");
  const [newestLog, newestNumber] = newest.split("-");
  return log === newestLog && Number(number) <= Number(newestNumber);
}

/** What reads older ones. */
export interface Older {
  readonly read: () => void;
  /** Some are on their way. */
  readonly busy: boolean;
}

/** What reads older ones, where there are some: also while they are on their way, as a button that goes away takes the focus along. */
export function olderOf(history: History, { begun, complete, full, reading }: HistoryView): Older | undefined {
  return !begun || complete || full ? undefined : { busy: reading, read: () => { history.more(); } };
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
  /** The log's position when the newest page was read: what comes live up to it is known. */
  #newest: string | undefined;
  #limit = READ_AT_ONCE;
  /** The moment, in milliseconds since 1970, that somebody looks at: events are read back to it. */
  #wanted = Number.POSITIVE_INFINITY;
  #reading = false;
  #begun = false;
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
    [this.#reading, this.#begun, this.#beginsLate, this.#full] = [false, false, false, false];
    this.#newest = undefined;
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
    if (this.#reading) return;
    this.#error = undefined;
    this.#tell();
    if (!this.#wantsOlder()) return;
    const { signal } = this.#ending;
    this.#reading = true;
    try {
      for (let before = this.#before; before !== undefined && this.#wantsOlder(); before = this.#before) {
        const isNewest = before === "latest";
        // What came live before the newest page is asked for is in it, or older.
        if (isNewest) this.#events = [];
        const page = await this.#client.jobs.history(this.#id, { before, limit: isNewest ? FIRST_PAGE : PAGE }, { signal });
        if (signal.aborted) return;
        this.#events = isNewest ? joined(page, this.#events) : [...page.events, ...this.#events];
        if (isNewest) this.#newest = page.cursor;
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
    this.#begun = this.#before !== "latest";
    this.#tell();
  }

  #wantsOlder(): boolean {
    if (this.#before === undefined || this.#full) return false;
    const oldest = this.#events[0]?.at;
    return this.#before === "latest" || this.#events.length < this.#limit || (typeof oldest === "string" && Date.parse(oldest) > this.#wanted);
  }

  #take(event: JobEvent): void {
    if (isWithin(event.type === "gap" ? event.to : event.cursor, this.#newest)) return;
    const past: PastEvent = event.type === "gap" ? { type: "gap", cursor: event.to, to: event.to, reason: event.reason } : { ...event.event, cursor: event.cursor };
    this.#events.push(past);
    // Where the page is out of sight, it is seldom told.
    if (this.#events.length > KEPT + PAGE) this.#keepNewest();
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
      this.#keepNewest();
      this.#view = { events: [...this.#events], reading: this.#reading, begun: this.#begun, complete: this.#before === undefined && !this.#full, full: this.#full, beginsLate: this.#beginsLate, error: this.#error };
      for (const listener of [...this.#listeners]) listener();
    }, 60);
  }
}
