// Watches that components share: one for each equal selection, kept a moment longer than its last reader.

import type { ConnectionState, Headway, JobDocument, JobEvent, JobSnapshot, JobsSnapshot, Selector, Store } from "@headway/client";

import { isTerminal } from "../status.ts";
import { knownJob, type Source } from "./known_job.ts";
import { NO_JOBS } from "./unwatched.ts";

/** How long a watch is kept that nobody reads any more: a component that is mounted again finds what it left. */
const LINGER_MS = 1_000;
/** How long a list that is watched anew may take before an empty one is believed: no frame says that there are no jobs. */
const SETTLE_MS = 2_000;

/** Jobs by session, by tag, or all. */
export type ManySelector = Exclude<Selector, { readonly job: string }>;

/** What is asked of a watch. Equal ones are one watch. */
export interface Wish {
  /** Which events are wanted; `undefined` for none. */
  readonly events: boolean | readonly string[] | undefined;
  readonly minIntervalMs: number | undefined;
}

/** A state and nothing else. */
const PLAIN: Wish = { events: undefined, minIntervalMs: undefined };

/** A watch as components read it: nothing is asked of the server before somebody subscribes. */
export interface PooledWatch<Snapshot> extends Store<Snapshot> {
  /** Calls `listener` with each event from now on, until the function that it gives is called. */
  readonly listen: (listener: (event: JobEvent) => void) => () => void;
}

interface Open<Snapshot> extends Store<Snapshot> {
  readonly close: () => void;
}

/** What a watch is of. */
interface Subject<Snapshot> {
  readonly subject: string | ManySelector;
  readonly job: string | undefined;
  readonly wish: Wish;
  readonly open: (onEvent: (event: JobEvent) => void) => Open<Snapshot>;
}

/** A watch that is open, and who has it. */
interface Entry<Snapshot> {
  /** The job that it is of; `undefined` for a list. */
  readonly job: string | undefined;
  readonly wish: Wish;
  readonly watch: Open<Snapshot>;
  readonly listeners: Set<{ readonly call: (event: JobEvent) => void }>;
  readers: number;
  /** Whether what it does not hold may still be on its way. */
  fresh: boolean;
  leaving: ReturnType<typeof setTimeout> | undefined;
}

/**
 * The watches of one client.
 *
 * **Invariants:** reading opens nothing, so that a rendering may be thrown away; an entry is open while
 * it has readers, and at most `LINGER_MS` longer.
 */
export class WatchPool {
  readonly #headway: Headway;
  readonly #jobs = new Map<string, Entry<JobSnapshot>>();
  readonly #lists = new Map<string, Entry<JobsSnapshot>>();
  /** Those who know a job by what others watch, by its id: called when it may be brought by another watch. */
  readonly #guests = new Map<string, Set<{ readonly call: () => void }>>();
  #retired = false;

  constructor(headway: Headway) {
    this.#headway = headway;
  }

  /** The client is closed, or about to be: nothing is opened any more. */
  retire(): void {
    this.#retired = true;
  }

  /** One job. */
  job(id: string, wish: Wish): PooledWatch<JobSnapshot> {
    return this.#pooled(
      this.#jobs,
      { subject: id, job: id, wish, open: (onEvent) => this.#headway.watchJob(id, options(wish, onEvent)) },
      (last, connection) => {
        const job = last?.job ?? this.#known(id);
        const ended = last?.ended ?? (job !== undefined && isTerminal(job.status));
        return { job, ended, error: last?.error, connection };
      },
      ({ job, error }) => job !== undefined || error !== undefined,
      (one, other) => one.job === other.job && one.ended === other.ended && one.error === other.error && one.connection === other.connection,
    );
  }

  /** Many jobs. */
  jobs(selector: ManySelector, wish: Wish): PooledWatch<JobsSnapshot> {
    return this.#pooled(
      this.#lists,
      { subject: selector, job: undefined, wish, open: (onEvent) => this.#headway.watchJobs(selector, options(wish, onEvent)) },
      (last, connection) => ({ jobs: last?.jobs ?? NO_JOBS, error: last?.error, connection }),
      ({ jobs, error, connection }, fresh) => jobs.length > 0 || error !== undefined || (connection.state === "live" && !fresh),
      (one, other) => one.jobs === other.jobs && one.error === other.error && one.connection === other.connection,
    );
  }

  /** The document of one job, by whatever is watched; where nothing brings it, by a watch of its own. */
  known(id: string): Store<JobDocument | undefined> {
    return knownJob({
      document: () => this.#known(id),
      found: () => this.#bringing(id),
      own: this.job(id, PLAIN),
      changed: (call) => {
        const guest = { call };
        const guests = this.#guests.get(id) ?? new Set();
        this.#guests.set(id, guests.add(guest));
        return () => {
          guests.delete(guest);
          if (guests.size === 0 && this.#guests.get(id) === guests) this.#guests.delete(id);
        };
      },
    });
  }

  #pooled<Snapshot>(
    entries: Map<string, Entry<Snapshot>>,
    subject: Subject<Snapshot>,
    unwatched: (last: Snapshot | undefined, connection: ConnectionState) => Snapshot,
    knows: (snapshot: Snapshot, fresh: boolean) => boolean,
    same: (one: Snapshot, other: Snapshot) => boolean,
  ): PooledWatch<Snapshot> {
    const key = JSON.stringify([subject.subject, subject.wish.events, subject.wish.minIntervalMs]);
    let last: Snapshot | undefined;
    const acquire = (): Entry<Snapshot> | undefined => {
      if (this.#retired) return undefined;
      const entry = entries.get(key) ?? this.#enter(entries, key, subject);
      entry.readers += 1;
      clearTimeout(entry.leaving);
      return entry;
    };
    return {
      getSnapshot: () => {
        const entry = entries.get(key);
        const watched = entry?.watch.getSnapshot();
        // What was seen before stays until something else is known, as when a hidden part of a page is shown again.
        const now = entry !== undefined && watched !== undefined && knows(watched, entry.fresh) ? watched : unwatched(last, this.#headway.connection.getSnapshot());
        if (last === undefined || !same(last, now)) last = now;
        return last;
      },
      subscribe: (listener) => {
        const entry = acquire();
        const leave = entry?.watch.subscribe(listener);
        const settle = (): void => {
          if (entry === undefined) return;
          entry.fresh = false;
          listener();
        };
        const settling = entry?.fresh === true ? setTimeout(settle, SETTLE_MS) : undefined;
        return once(() => {
          clearTimeout(settling);
          leave?.();
          this.#release(entries, key, entry);
        });
      },
      listen: (call) => {
        const entry = acquire();
        const listener = { call };
        entry?.listeners.add(listener);
        return once(() => {
          entry?.listeners.delete(listener);
          this.#release(entries, key, entry);
        });
      },
    };
  }

  #enter<Snapshot>(entries: Map<string, Entry<Snapshot>>, key: string, { job, wish, open }: Subject<Snapshot>): Entry<Snapshot> {
    const listeners: Entry<Snapshot>["listeners"] = new Set();
    const watch = open((event) => {
      for (const { call } of [...listeners]) safely(call, event);
    });
    const entry: Entry<Snapshot> = { job, wish, watch, listeners, readers: 0, fresh: true, leaving: undefined };
    entries.set(key, entry);
    this.#tellGuests(job);
    return entry;
  }

  #release<Snapshot>(entries: Map<string, Entry<Snapshot>>, key: string, entry: Entry<Snapshot> | undefined): void {
    if (entry === undefined) return;
    entry.readers -= 1;
    if (entry.readers > 0) return;
    entry.leaving = setTimeout(() => {
      entries.delete(key);
      // Whoever is told of the job by another watch from now on is so without a break.
      this.#tellGuests(entry.job);
      entry.watch.close();
    }, LINGER_MS);
  }

  /** Another watch may bring a job, or any of a list. */
  #tellGuests(job: string | undefined): void {
    const guests = job === undefined ? [...this.#guests.values()].flatMap((of) => [...of]) : [...(this.#guests.get(job) ?? [])];
    for (const { call } of guests) call();
  }

  /** A watch that brings a job, but for the plain one, which all share who have no other. */
  #bringing(id: string): Source | undefined {
    for (const { job, wish, watch } of this.#jobs.values()) {
      if (job === id && (wish.events !== undefined || wish.minIntervalMs !== undefined)) return watch;
    }
    for (const { watch } of this.#lists.values()) {
      if (watch.getSnapshot().jobs.some((one) => one.id === id)) return watch;
    }
    return undefined;
  }

  /** The document of a job that another watch brings. */
  #known(id: string): JobDocument | undefined {
    for (const { watch } of this.#jobs.values()) {
      const { job } = watch.getSnapshot();
      if (job?.id === id) return job;
    }
    for (const { watch } of this.#lists.values()) {
      const job = watch.getSnapshot().jobs.find((one) => one.id === id);
      if (job !== undefined) return job;
    }
    return undefined;
  }
}

function options({ events, minIntervalMs }: Wish, onEvent: (event: JobEvent) => void): object {
  return { minIntervalMs, ...(events !== undefined && { events, onEvent }) };
}

/** Calls what is the application's; what it throws keeps nobody else from hearing, and is thrown where the platform sees it. */
function safely(call: (event: JobEvent) => void, event: JobEvent): void {
  try {
    call(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function once(call: () => void): () => void {
  let called = false;
  return () => {
    if (called) return;
    called = true;
    call();
  };
}
