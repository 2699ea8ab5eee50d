// What a list keeps of a job: the few members that a row shows, so that a hundred thousand of them fit.

import type { JobDocument, JobStatus } from "@headway/client";

export interface JobRow {
  readonly id: string;
  readonly name: string | undefined;
  readonly kind: string;
  readonly status: JobStatus;
  readonly stalled: boolean;
  readonly percent: number | undefined;
  /** Milliseconds since 1970, here and below. */
  readonly created: number;
  readonly started: number | undefined;
  readonly finished: number | undefined;
  /** Items of a batch; `undefined` for a job that is none. */
  readonly items: { readonly total: number; readonly failed: number } | undefined;
  /** What it is busy with, or why it failed: of jobs that have not completed. */
  readonly note: string | undefined;
  /** The first tags; all of them are on the job's page. */
  readonly tags: readonly string[];
}

/** Tags of a row. */
const TAGS = 3;
/** Characters of a note. */
const NOTE = 160;
const NO_TAGS: readonly string[] = Object.freeze([]);

/** Texts that many rows share are held once. */
export class Texts {
  readonly #held = new Map<string, string>();

  one(text: string): string {
    const held = this.#held.get(text);
    if (held !== undefined) return held;
    // Kinds and tags are few; where somebody makes one for each job, nothing is gained by holding them.
    if (this.#held.size < 2000) this.#held.set(text, text);
    return text;
  }
}

export function rowOf(job: JobDocument, texts: Texts): JobRow {
  const { items, tags } = job;
  const note = job.status === "completed" || job.status === "cancelled" ? undefined : (job.error?.message ?? job.message ?? job.phase ?? undefined);
  return {
    id: job.id,
    name: job.name ?? undefined,
    kind: texts.one(job.kind),
    status: job.status,
    stalled: job.stalled === true,
    percent: job.progress?.percent ?? undefined,
    created: Date.parse(job.created_at),
    started: moment(job.started_at),
    finished: moment(job.finished_at),
    items: items === undefined || items === null ? undefined : { total: items.total, failed: items.failed },
    note: note === undefined || note.length <= NOTE ? note : `${note.slice(0, NOTE)}…`,
    tags: tags === undefined || tags.length === 0 ? NO_TAGS : tags.slice(0, TAGS).map((tag) => texts.one(tag)),
  };
}

/** The order of a list: newest first, of the same moment the larger id first, as the server pages. */
export function newestFirst(one: Pick<JobRow, "created" | "id">, other: Pick<JobRow, "created" | "id">): number {
  if (one.created !== other.created) return other.created - one.created;
  return one.id === other.id ? 0 : one.id < other.id ? 1 : -1;
}

function moment(time: string | null | undefined): number | undefined {
  return time === undefined || time === null ? undefined : Date.parse(time);
}
