// One job, watched.

import type { JobDocument } from "../document/job.ts";
import type { ConnectionState } from "../session/connection.ts";
import type { Refusal } from "../session/refusal.ts";
import type { Store } from "./store.ts";

/** What is known of a job. It is never changed: what is new is another object that shares the rest. */
export interface JobSnapshot {
  /** The document; `undefined` before the first one came. */
  readonly job: JobDocument | undefined;
  /** Whether its attempt is over and its last state is here. A retry begins another one. */
  readonly ended: boolean;
  /** Why the server does not let it be watched: `not_found` for what does not exist or is not shown. */
  readonly error: Refusal | undefined;
  /** How the connection is. While it is not live the document is the last one that came. */
  readonly connection: ConnectionState;
}

/** One job, live, until it is closed. */
export interface JobWatch extends Store<JobSnapshot> {
  /** Nobody reads it any more. */
  readonly close: () => void;
}
