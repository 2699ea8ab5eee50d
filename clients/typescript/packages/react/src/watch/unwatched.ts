// What is known before anything is: on a server, and while a page takes over a server's HTML.

import type { ConnectionState, JobDocument, JobSnapshot, JobsSnapshot, Store } from "@headway/client";

export const UNCONNECTED: ConnectionState = Object.freeze({ state: "idle", tab: "alone" });

export const NO_JOBS: readonly JobDocument[] = Object.freeze([]);

export const UNKNOWN_JOB: JobSnapshot = Object.freeze({ job: undefined, ended: false, error: undefined, connection: UNCONNECTED });

export const UNKNOWN_JOBS: JobsSnapshot = Object.freeze({ jobs: NO_JOBS, error: undefined, connection: UNCONNECTED });

/** A store in which nothing happens. */
export function still<Snapshot>(snapshot: Snapshot): Store<Snapshot> {
  return { subscribe: () => () => undefined, getSnapshot: () => snapshot };
}
