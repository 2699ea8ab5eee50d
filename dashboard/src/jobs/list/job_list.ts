// The rows of a list: pages that were read and jobs that move, merged into one order.
//
// **Invariants:** rows are in the server's order and each job is there once. What is older than the
// pages read so far (the horizon) is left to the page that brings it, so that the list never has a hole.
// While it is held, because somebody reads further down, no row comes or goes above them: new ones
// wait, those that left the filter stay as they are.

import type { JobDocument } from "@headway/client";

import { fits, type JobsFilter } from "./filter.ts";
import { newestFirst, rowOf, Texts, type JobRow } from "./row.ts";

/** A list of the server, page by page. */
interface Source {
  /** The `next` of the last page; `undefined` before the first one and after the last. */
  next: string | undefined;
  begun: boolean;
  /** The oldest job that its pages have brought. */
  reached: Pick<JobRow, "created" | "id"> | undefined;
}

/** What a list shows: another object when something in it has changed. */
export interface ListView {
  readonly rows: readonly JobRow[];
  /** Newer jobs that wait while the list is held. */
  readonly waiting: number;
  /** Whether the server has no more pages. */
  readonly complete: boolean;
  /** Whether the first pages are there. */
  readonly begun: boolean;
}

export class JobList {
  readonly #filter: JobsFilter;
  readonly #texts = new Texts();
  readonly #sources: readonly Source[];
  readonly #listeners = new Set<() => void>();
  /** Newer ones that wait, in no order. */
  readonly #waiting = new Map<string, JobRow>();
  /** Ids of rows that have left the filter while the list was held. */
  readonly #left = new Set<string>();
  #rows: JobRow[] = [];
  #held = false;
  #view: ListView = { rows: [], waiting: 0, complete: false, begun: false };

  /** `sources`: how many lists of the server it is made of. None: only what is taken is in it. */
  constructor(filter: JobsFilter, sources: number) {
    this.#filter = filter;
    this.#sources = Array.from({ length: sources }, () => ({ next: undefined, begun: false, reached: undefined }));
    if (sources === 0) this.#change();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): ListView => this.#view;

  /** Which list has to be asked next, and from where on; `undefined` when all have been read. */
  get due(): { readonly source: number; readonly page: string | undefined } | undefined {
    let due: number | undefined;
    for (const [number, source] of this.#sources.entries()) {
      if (source.begun && source.next === undefined) continue;
      if (!source.begun) return { source: number, page: undefined };
      const best = due === undefined ? undefined : this.#sources[due]?.reached;
      // The one that has come the least far holds the others up.
      if (due === undefined || (best !== undefined && source.reached !== undefined && newestFirst(source.reached, best) < 0)) due = number;
    }
    return due === undefined ? undefined : { source: due, page: this.#sources[due]?.next };
  }

  /** Takes a page that was read. `next` may come with few or no jobs. */
  addPage(number: number, jobs: readonly JobDocument[], next: string | undefined): void {
    const source = this.#sources[number];
    if (source === undefined) return;
    source.begun = true;
    source.next = next;
    const last = jobs.at(-1);
    if (last !== undefined) source.reached = { created: Date.parse(last.created_at), id: last.id };
    for (const job of jobs) this.#put(job, "page");
    this.#change();
  }

  /** Takes jobs as they are now. */
  take(jobs: Iterable<JobDocument>): void {
    let changed = false;
    for (const job of jobs) changed = this.#put(job, "live") || changed;
    if (changed) this.#change();
  }

  /** Somebody reads further down (`true`), or is at the top again. */
  hold(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    if (!held) this.release();
  }

  /** Lets in what has waited and takes out what has left. */
  release(): void {
    if (this.#waiting.size === 0 && this.#left.size === 0) return;
    const rows = this.#left.size === 0 ? this.#rows : this.#rows.filter((row) => !this.#left.has(row.id));
    const waiting = [...this.#waiting.values()].sort(newestFirst);
    this.#waiting.clear();
    this.#left.clear();
    this.#rows = rows;
    const first = rows[0];
    if (first === undefined || waiting.every((row) => newestFirst(row, first) < 0)) this.#rows = [...waiting, ...rows];
    else for (const row of waiting) this.#insert(row);
    this.#change();
  }

  #put(job: JobDocument, from: "page" | "live"): boolean {
    const key = { created: Date.parse(job.created_at), id: job.id };
    const place = this.#place(key);
    const present = this.#rows[place]?.id === job.id ? this.#rows[place] : undefined;
    if (!fits(job, this.#filter)) {
      if (this.#waiting.delete(job.id)) return true;
      if (present === undefined) return false;
      if (this.#held) {
        this.#left.add(job.id);
        this.#rows[place] = rowOf(job, this.#texts);
      } else {
        this.#rows.splice(place, 1);
      }
      return true;
    }
    if (present !== undefined) {
      this.#left.delete(job.id);
      const row = rowOf(job, this.#texts);
      // A page may be older than what is live.
      if (from === "page" || isSame(present, row)) return false;
      this.#rows[place] = row;
      return true;
    }
    if (from === "live" && !this.#isWithin(key)) return false;
    const row = rowOf(job, this.#texts);
    if (from === "live" && this.#held) this.#waiting.set(job.id, row);
    else this.#insert(row);
    return true;
  }

  #insert(row: JobRow): void {
    const place = this.#place(row);
    if (place === this.#rows.length) this.#rows.push(row);
    else if (this.#rows[place]?.id !== row.id) this.#rows.splice(place, 0, row);
  }

  /** Whether the pages read so far reach down to a position. */
  #isWithin(key: Pick<JobRow, "created" | "id">): boolean {
    return this.#sources.every(({ begun, next, reached }) => begun && (next === undefined || reached === undefined || newestFirst(key, reached) <= 0));
  }

  /** Where a position is, or would be. */
  #place(key: Pick<JobRow, "created" | "id">): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = this.#rows[middle];
      if (row !== undefined && newestFirst(row, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #change(): void {
    this.#view = {
      rows: this.#rows,
      waiting: this.#waiting.size,
      complete: this.#sources.every(({ begun, next }) => begun && next === undefined),
      begun: this.#sources.every(({ begun }) => begun),
    };
    for (const listener of [...this.#listeners]) listener();
  }
}

function isSame(one: JobRow, other: JobRow): boolean {
  return (
    one.status === other.status && one.percent === other.percent && one.note === other.note && one.stalled === other.stalled &&
    one.finished === other.finished && one.started === other.started && one.name === other.name &&
    one.items?.total === other.items?.total && one.items?.failed === other.items?.failed
  );
}
