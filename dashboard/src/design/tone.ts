// What a colour says.

import type { JobStatus, StepStatus } from "@headway/client";

/** A colour's meaning; never the only sign of it. */
export type Tone = "idle" | "running" | "good" | "warn" | "bad";

const TONES: Readonly<Record<JobStatus | StepStatus, Tone>> = {
  pending: "idle", queued: "idle", running: "running", pausing: "warn", paused: "warn", cancelling: "warn",
  completed: "good", failed: "bad", cancelled: "idle", expired: "warn", skipped: "idle",
};

/** The tone of a job's or step's status. */
export function toneOf(status: JobStatus | StepStatus): Tone {
  return TONES[status];
}
