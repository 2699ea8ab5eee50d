// Signs of statuses, as lines on a field of 16 by 16.

import type { ItemStatus, JobStatus, StepStatus } from "@headway/client";

const RING = "M8 1.75a6.25 6.25 0 1 1 0 12.5a6.25 6.25 0 1 1 0-12.5z";

/** Lines of each sign. */
export const SIGNS = {
  pending: RING,
  queued: `${RING}M5.2 8h.01M8 8h.01M10.8 8h.01`,
  running: "M8 1.75a6.25 6.25 0 1 1-6.25 6.25",
  paused: `${RING}M6.4 5.9v4.2M9.6 5.9v4.2`,
  completed: `${RING}M5.2 8.2l2 2l3.6-4.2`,
  failed: "M5.4 1.75h5.2l3.65 3.65v5.2l-3.65 3.65H5.4L1.75 10.6V5.4zM6 6l4 4M10 6l-4 4",
  cancelled: `${RING}M3.6 12.4l8.8-8.8`,
  expired: `${RING}M8 4.6V8l2.4 1.6`,
  skipped: "M3.2 4.2L7 8l-3.8 3.8M8.8 4.2L12.6 8l-3.8 3.8",
  retrying: "M13.5 6.2A5.9 5.9 0 1 0 13.9 9M13.8 2.6v3.7h-3.7",
  stalled: "M8 2.2l6.3 11.3H1.7zM8 6.6v3.1M8 11.6h.01",
} as const;

/** The name of a sign. */
export type Sign = keyof typeof SIGNS;

/** The sign of a status. */
export function signOf(status: JobStatus | StepStatus | ItemStatus): Sign {
  switch (status) {
    case "pending":
    case "queued":
    case "running":
    case "paused":
    case "completed":
    case "failed":
    case "cancelled":
    case "expired":
    case "skipped":
    case "retrying":
      return status;
    case "pausing":
      return "paused";
    case "cancelling":
      return "cancelled";
    case "succeeded":
      return "completed";
  }
}
