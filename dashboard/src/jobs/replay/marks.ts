// The moments of a job's past that are worth seeing on its axis.

import type { JobRecord } from "@headway/client";

export interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** `step`: a step began. */
  readonly what: "status" | "step";
  readonly text: string;
  /** The status that the job changed to. */
  readonly status: string | undefined;
}

/** Marks that an axis shows at the most: steps give way. */
const SHOWN = 200;

/** The marks of records, oldest first. */
export function marksOf(records: Iterable<JobRecord>): readonly Mark[] {
  const marks: Mark[] = [];
  for (const { at, patch } of records) {
    if (!isMembers(patch)) continue;
    const moment = Date.parse(at);
    const { status, steps } = patch as { readonly status?: unknown; readonly steps?: unknown };
    if (typeof status === "string") marks.push({ at: moment, what: "status", text: status, status });
    if (!isMembers(steps)) continue;
    for (const [key, step] of Object.entries(steps)) {
      if (!isMembers(step) || step["status"] !== "running") continue;
      marks.push({ at: moment, what: "step", text: `${typeof step["name"] === "string" ? step["name"] : key} began`, status: undefined });
    }
  }
  if (marks.length <= SHOWN) return marks;
  const statuses = marks.filter(({ what }) => what === "status").slice(-SHOWN);
  const steps = marks.filter(({ what }) => what === "step");
  const room = SHOWN - statuses.length;
  const every = Math.max(1, Math.ceil(steps.length / Math.max(1, room)));
  return [...statuses, ...(room > 0 ? steps.filter((_, place) => place % every === 0) : [])].sort((one, other) => one.at - other.at);
}

function isMembers(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
