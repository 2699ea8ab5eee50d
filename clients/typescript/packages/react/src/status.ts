// What a job's status means for whoever shows it.

import type { Action, JobStatus } from "@headway/client";

const TERMINAL: Readonly<Record<JobStatus, boolean>> = {
  pending: false,
  queued: false,
  running: false,
  pausing: false,
  paused: false,
  cancelling: false,
  completed: true,
  failed: true,
  cancelled: true,
  expired: true,
};

/** Whether an attempt is over. */
export function isTerminal(status: JobStatus): boolean {
  return TERMINAL[status];
}

/**
 * Statuses in which an action changes something (docs/transitions.md). The server decides; this keeps a
 * page from offering what would be refused.
 */
const ALLOWED: Readonly<Record<Action, readonly JobStatus[]>> = {
  cancel: ["pending", "queued", "running", "pausing", "paused"],
  pause: ["queued", "running"],
  resume: ["pausing", "paused"],
  retry: ["failed", "cancelled", "expired"],
};

/** Whether an action makes sense in a status. */
export function allows(status: JobStatus, action: Action): boolean {
  return ALLOWED[action].includes(status);
}
