// Watches that components share: one for each equal selection, kept a moment longer than its last reader.

import type { ConnectionState, Headway, JobDocument, JobEvent, JobSnapshot, JobsSnapshot, Selector, Store } from "@headway/client";

import { isTerminal } from "../status.ts";
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

/** A watch as components read it: nothing is asked of the server before somebody subscribes. */
export interface PooledWatch<Snapshot> extends Store<Snapshot> {
  /** Calls `listener` with each event from now on, until the function that it gives is called. */
  readonly listen: (listener: (event: JobEvent) => void) => () => void;
}

interface Open<Snapshot> extends Store<Snapshot> {
  readonly close: () => void;
}

/** A watch that is open, and who has it. */
interface Entry<Snapshot> {
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
      JSON.stringify([id, wish.events, wish.minIntervalMs]),
      (onEvent) => this.#headway.watchJob(id, options(wish, onEvent)),
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
      JSON.stringify([selector, wish.events, wish.minIntervalMs]),
      (onEvent) => this.#headway.watchJobs(selector, options(wish, onEvent)),
      (last, connection) => ({ jobs: last?.jobs ?? NO_JOBS, error: last?.error, connection }),
      ({ jobs, error, connection }, fresh) => jobs.length > 0 || error !== undefined || (connection.state === "live" && !fresh),
      (one, other) => one.jobs === other.jobs && one.error === other.error && one.connection === other.connection,
    );
  }

  #pooled<Snapshot>(
    entries: Map<string, Entry<Snapshot>>,
    key: string,
    open: (onEvent: (event: JobEvent) => void) => Open<Snapshot>,
    unwatched: (last: Snapshot | undefined, connection: ConnectionState) => Snapshot,
    knows: (snapshot: Snapshot, fresh: boolean) => boolean,
    same: (one: Snapshot, other: Snapshot) => boolean,
  ): PooledWatch<Snapshot> {
    let last: Snapshot | undefined;
    const acquire = (): Entry<Snapshot> | undefined => {
      if (this.#retired) return undefined;
      const entry = entries.get(key) ?? enter(entries, key, open);
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
          release(entries, key, entry);
        });
      },
      listen: (call) => {
        const entry = acquire();
        const listener = { call };
        entry?.listeners.add(listener);
        return once(() => {
          entry?.listeners.delete(listener);
          release(entries, key, entry);
        });
      },
    };
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

function enter<Snapshot>(
  entries: Map<string, Entry<Snapshot>>,
  key: string,
  open: (onEvent: (event: JobEvent) => void) => Open<Snapshot>,
): Entry<Snapshot> {
  const listeners: Entry<Snapshot>["listeners"] = new Set();
  const watch = open((event) => {
    for (const { call } of [...listeners]) safely(call, event);
  });
  const entry: Entry<Snapshot> = { watch, listeners, readers: 0, fresh: true, leaving: undefined };
  entries.set(key, entry);
  return entry;
}

function release<Snapshot>(entries: Map<string, Entry<Snapshot>>, key: string, entry: Entry<Snapshot> | undefined): void {
  if (entry === undefined) return;
  entry.readers -= 1;
  if (entry.readers > 0) return;
  entry.leaving = setTimeout(() => {
    entries.delete(key);
    entry.watch.close();
  }, LINGER_MS);
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
