// Feeds a list: reads its pages, and lets the jobs move that move.
//
// One watch of everything brings every job that is not over and each that moves. Where there are more
// than a browser should hold, it is closed, and the rows in sight are watched one by one (`inSight`);
// what is new is then looked up from time to time.

import type { Headway, JobDocument, JobStatus, JobsWatch, JobWatch, Selector } from "@headway/client";

import type { Person } from "../../shell/identity.ts";
import { reasonOf } from "../../shell/words.ts";
import { STATUS_GROUPS, type JobsFilter } from "./filter.ts";
import { JobList, type ListView } from "./job_list.ts";

/** Jobs of a page. */
const PAGE = 100;
/** Jobs of a page from the second on. */
const NEXT_PAGES = 200;
/** The shortest time between two states of one job, in milliseconds: faster moves cannot be read in a list. */
const INTERVAL_MS = 500;
/** Moves that come within so many milliseconds are shown together: drawing them one by one costs more than they do. */
const TOGETHER_MS = 100;
/** Jobs that one watch of everything may hold. */
export const WATCHED = 2000;
/** How often the newest jobs are looked up where not everything is watched, in milliseconds. */
const LOOK_EVERY_MS = 5000;
/** Jobs that one request with words looks through. */
const LOOKED_THROUGH = 5000;

export interface FeedView extends ListView {
  readonly loading: boolean;
  /** Why the last page could not be read. */
  readonly error: string | undefined;
  /** About how many jobs were looked through for words so far; 0 where the list is not searched. */
  readonly looked: number;
  /** Whether the last answer stopped looking before its page was full: the next one is for somebody to ask for. */
  readonly paused: boolean;
  /** Whether the rows in sight have to be watched one by one. */
  readonly inSight: boolean;
}

interface Asked {
  readonly session?: string | undefined;
  readonly tag?: string | undefined;
}

export class JobFeed {
  readonly #client: Headway;
  readonly #filter: JobsFilter;
  readonly #selectors: readonly Selector[];
  /** What each list of the server is asked for beside the filter. */
  readonly #sources: readonly Asked[];
  readonly #list: JobList;
  readonly #listeners = new Set<() => void>();
  readonly #watches: (JobsWatch | JobWatch)[] = [];
  /** What has moved since it was last shown. */
  readonly #moved = new Set<() => void>();
  #showing: ReturnType<typeof setTimeout> | undefined;
  #ending = new AbortController();
  #view: FeedView;
  #loading = false;
  #error: string | undefined;
  #looked = 0;
  #paused = false;
  #inSight = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #wasLive = false;
  #leave: () => void = () => undefined;

  constructor(client: Headway, person: Person, filter: JobsFilter) {
    this.#client = client;
    this.#filter = filter;
    this.#selectors = person.selectors;
    this.#sources = person.selectors.flatMap((selector): readonly Asked[] => {
      if ("job" in selector) return [];
      if ("session" in selector) return [{ session: selector.session }];
      return "tag" in selector ? [{ tag: selector.tag }] : [{}];
    });
    this.#list = new JobList(filter, this.#sources.length);
    this.#list.subscribe(() => {
      this.#change();
    });
    this.#view = this.#look();
  }

  readonly getSnapshot = (): FeedView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Begins, or goes on after it was stopped. */
  start(): void {
    this.#ending = new AbortController();
    this.#loading = false;
    for (const selector of this.#selectors) this.#watch(selector);
    this.#leave = this.#client.connection.subscribe(() => {
      this.#reconnected();
    });
    void this.#begin();
  }

  /** Ends; what is shown stays as it is. */
  stop(): void {
    this.#ending.abort();
    this.#leave();
    clearInterval(this.#timer);
    this.#timer = undefined;
    clearTimeout(this.#showing);
    this.#showing = undefined;
    this.#moved.clear();
    for (const watch of this.#watches.splice(0)) watch.close();
  }

  /** Reads the next page, if there is one and none is on its way. */
  async more(): Promise<void> {
    const { due } = this.#list;
    if (this.#loading || due === undefined) return;
    const asked = this.#sources[due.source];
    if (asked === undefined) return;
    const { signal } = this.#ending;
    this.#loading = true;
    this.#error = undefined;
    this.#change();
    const limit = due.page === undefined ? PAGE : NEXT_PAGES;
    try {
      const page = await this.#client.jobs.list({ ...this.#query(asked), page: due.page, limit }, { signal });
      if (signal.aborted) return;
      if (this.#filter.text !== undefined) this.#looked += LOOKED_THROUGH;
      this.#paused = page.next !== undefined && page.next !== null && page.jobs.length < limit;
      this.#loading = false;
      // Which is drawn once, with all that has changed.
      this.#list.addPage(due.source, page.jobs, page.next ?? undefined);
    } catch (error) {
      if (signal.aborted) return;
      this.#error = reasonOf(error);
      this.#loading = false;
      this.#change();
    }
  }

  hold(held: boolean): void {
    this.#list.hold(held);
  }

  release(): void {
    this.#list.release();
  }

  /** Takes a job that somebody else has watched. */
  take(job: JobDocument): void {
    this.#soon(() => { this.#list.take([job]); });
  }

  async #begin(): Promise<void> {
    const { signal } = this.#ending;
    while (!this.#list.getSnapshot().begun) {
      await this.more();
      // One that was stopped in the middle of a page is not waited for.
      if (this.#error !== undefined || signal.aborted) return;
    }
  }

  #query({ session, tag }: Asked): { readonly status?: readonly JobStatus[]; readonly kind?: string; readonly session?: string; readonly tag?: string; readonly text?: string } {
    const { status, kind, text } = this.#filter;
    const asked = { session: session ?? this.#filter.session, tag: tag ?? this.#filter.tag };
    return {
      ...(status !== undefined && { status: STATUS_GROUPS[status].statuses }),
      ...(kind !== undefined && { kind }),
      ...(asked.session !== undefined && { session: asked.session }),
      ...(asked.tag !== undefined && { tag: asked.tag }),
      ...(text !== undefined && { text }),
    };
  }

  #watch(selector: Selector): void {
    const options = { minIntervalMs: INTERVAL_MS };
    if ("job" in selector) {
      this.#watchOne(selector.job, INTERVAL_MS);
      return;
    }
    const watch = this.#client.watchJobs(selector, options);
    this.#watches.push(watch);
    let known = new Map<string, JobDocument>();
    const read = (): void => {
      const { jobs } = watch.getSnapshot();
      if (jobs.length > WATCHED) {
        this.#tooMany(selector, watch);
        return;
      }
      const next = new Map<string, JobDocument>();
      const changed: JobDocument[] = [];
      for (const job of jobs) {
        next.set(job.id, job);
        if (known.get(job.id) !== job) changed.push(job);
      }
      known = next;
      this.#list.take(changed);
    };
    watch.subscribe(() => { this.#soon(read); });
    read();
  }

  /** Reads what has moved, once for all that moves until then. */
  #soon(read: () => void): void {
    this.#moved.add(read);
    this.#showing ??= setTimeout(() => {
      this.#showing = undefined;
      const moved = [...this.#moved];
      this.#moved.clear();
      for (const each of moved) each();
    }, TOGETHER_MS);
  }

  /** Watches a job by its name, which may not be there yet. */
  #watchOne(id: string, minIntervalMs: number): void {
    const watch = this.#client.watchJob(id, { minIntervalMs });
    this.#watches.push(watch);
    let absent = false;
    const read = (): void => {
      const { job, error } = watch.getSnapshot();
      if (job !== undefined) this.#list.take([job]);
      if (absent || job !== undefined || error?.code !== "not_found") return;
      absent = true;
      void this.#appeared(id).then((appeared) => {
        if (!appeared) return;
        this.#watches.splice(this.#watches.indexOf(watch), 1);
        watch.close();
        // A subscription that was refused is not tried again: another one is.
        this.#watchOne(id, minIntervalMs + 1);
      });
    };
    watch.subscribe(read);
    read();
  }

  /** Waits until a job is there; `false` when the feed was stopped first. */
  async #appeared(id: string): Promise<boolean> {
    const { signal } = this.#ending;
    for (;;) {
      await pause(LOOK_EVERY_MS, signal);
      if (signal.aborted) return false;
      if (document.visibilityState === "hidden") continue;
      try {
        await this.#client.jobs.get(id, { signal });
        return true;
      } catch {
        // Still not there, or the server is away, which the connection tells.
      }
    }
  }

  /** Lets go of a watch that holds too much. If that was what has ended since, another one is begun. */
  #tooMany(selector: Selector, watch: JobsWatch): void {
    const { jobs } = watch.getSnapshot();
    const active = jobs.filter((job) => STATUS_GROUPS.active.statuses.includes(job.status)).length;
    this.#watches.splice(this.#watches.indexOf(watch), 1);
    watch.close();
    if (active <= WATCHED / 2) {
      this.#watch(selector);
      return;
    }
    this.#inSight = true;
    this.#timer ??= setInterval(() => void this.#lookUp(), LOOK_EVERY_MS);
    this.#change();
  }

  /** What was made or has ended while nobody listened was told to nobody. */
  #reconnected(): void {
    const { state } = this.#client.connection.getSnapshot();
    if (state === "live") {
      if (this.#wasLive) void this.#lookUp();
      this.#wasLive = true;
      if (this.#error !== undefined) void (this.#list.getSnapshot().begun ? this.more() : this.#begin());
    }
  }

  /** Reads the newest jobs again. */
  async #lookUp(): Promise<void> {
    if (document.visibilityState === "hidden" && this.#inSight) return;
    try {
      for (const asked of this.#sources) {
        const page = await this.#client.jobs.list({ ...this.#query(asked), limit: NEXT_PAGES }, { signal: this.#ending.signal });
        this.#list.take(page.jobs);
      }
    } catch {
      // The state of the connection tells that the server is away; the next one looks again.
    }
  }

  #look(): FeedView {
    return { ...this.#list.getSnapshot(), loading: this.#loading, error: this.#error, looked: this.#looked, paused: this.#paused, inSight: this.#inSight };
  }

  #change(): void {
    if (this.#ending.signal.aborted) return;
    this.#view = this.#look();
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Waits, or until nobody wants it any more. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
