// Which jobs a list shows, as the address says it.

import type { JobDocument, JobStatus } from "@headway/client";

import type { Query } from "../../shell/route.ts";

/** Statuses that belong together for people. */
export type StatusGroup = "active" | "waiting" | "completed" | "failed" | "ended";

export const STATUS_GROUPS: Readonly<Record<StatusGroup, { readonly label: string; readonly statuses: readonly JobStatus[] }>> = {
  active: { label: "Active", statuses: ["pending", "queued", "running", "pausing", "paused", "cancelling"] },
  waiting: { label: "Waiting", statuses: ["pending", "queued", "paused"] },
  completed: { label: "Completed", statuses: ["completed"] },
  failed: { label: "Failed", statuses: ["failed", "expired"] },
  ended: { label: "Ended", statuses: ["completed", "failed", "cancelled", "expired"] },
};

export interface JobsFilter {
  readonly status: StatusGroup | undefined;
  readonly kind: string | undefined;
  readonly tag: string | undefined;
  readonly session: string | undefined;
  /** Words, each a part of the id, name, kind, session or a tag. */
  readonly text: string | undefined;
}

export function readFilter(query: Query): JobsFilter {
  const { status } = query as { readonly status?: string };
  return { status: status !== undefined && isGroup(status) ? status : undefined, kind: query["kind"], tag: query["tag"], session: query["session"], text: query["text"] };
}

/** Whether it shows everything. */
export function isOpen(filter: JobsFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}

/** Whether a job belongs into the list, by the same rules as the server's. */
export function fits(job: JobDocument, filter: JobsFilter): boolean {
  const { status, kind, tag, session, text } = filter;
  const tags = job.tags ?? [];
  if (status !== undefined && !STATUS_GROUPS[status].statuses.includes(job.status)) return false;
  if (kind !== undefined && job.kind !== kind) return false;
  if (tag !== undefined && !tags.includes(tag)) return false;
  if (session !== undefined && job.session !== session) return false;
  if (text === undefined) return true;
  const places = [job.id, job.name, job.kind, job.session, ...tags].flatMap((place) => (typeof place === "string" ? [place.toLowerCase()] : []));
  return text.toLowerCase().split(/\s+/).every((word) => places.some((place) => place.includes(word)));
}

function isGroup(text: string): text is StatusGroup {
  return Object.hasOwn(STATUS_GROUPS, text);
}
