// Many jobs, watched.

import type { JobDocument } from "../document/job.ts";
import type { ConnectionState } from "../session/connection.ts";
import type { Refusal } from "../session/refusal.ts";
import type { Store } from "./store.ts";

/** What is known of the jobs of a session, of a tag, or of all. */
export interface JobsSnapshot {
  /** Their documents, newest first. One that has not changed is the same object as before. */
  readonly jobs: readonly JobDocument[];
  /** Why the server does not let them be watched. */
  readonly error: Refusal | undefined;
  /** How the connection is. */
  readonly connection: ConnectionState;
}

/** Many jobs, live, until it is closed: those that have not ended, and every job that moves from then on. */
export interface JobsWatch extends Store<JobsSnapshot> {
  /** Nobody reads it any more. */
  readonly close: () => void;
}

/** Newest first; of the same moment by name, so that the order is always the same. */
export function newestFirst(one: JobDocument, other: JobDocument): number {
  if (one.created_at !== other.created_at) return one.created_at < other.created_at ? 1 : -1;
  return one.id < other.id ? -1 : 1;
}
