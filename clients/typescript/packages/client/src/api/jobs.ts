// Jobs: made, looked at, reported on, commanded.

import type { CreateJob, HistoryEvent, HistoryPage, Job, JobPage, JobRecord, JobStatus, RecordPage, ReportReply, SequencedReport } from "../protocol/generated/contract.ts";
import { pages } from "../http/pages.ts";
import { creating, path, type CreateOptions, type RequestOptions, type Requester } from "../http/requester.ts";
import { Commands } from "./commands.ts";

/** Which jobs a list holds. */
export interface JobQuery {
  readonly status?: readonly JobStatus[] | undefined;
  readonly kind?: string | undefined;
  readonly session?: string | undefined;
  readonly tag?: string | undefined;
  /** A part of the id, name, kind, session or a tag, whatever its case. A page may then come with few jobs or none and still have a `next`. */
  readonly text?: string | undefined;
  /** The `next` of the page before. */
  readonly page?: string | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

/** Which changes of a document are meant. */
export interface RecordQuery {
  /** A cursor: those after it. */
  readonly after?: string | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

/** Which events are meant. */
export interface EventQuery {
  /** Such as `log` and `partial`; all unless said. With types a page may come with few events or none and still have another. */
  readonly types?: readonly string[] | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

/** Which part of a history is meant. */
export type HistoryQuery = EventQuery &
  (
    /** A cursor: events after it. */
    | { readonly after?: string | undefined; readonly before?: undefined }
    /** A cursor, as a page's `previous`: events before it; before `latest` are the newest ones. */
    | { readonly before: string; readonly after?: undefined }
  );

/** Who reports. */
export interface ReportOptions extends RequestOptions {
  /** The producer's name for itself, and its number for this request: a repeat changes nothing. */
  readonly producer?: { readonly id: string; readonly seq: number } | undefined;
}

export class Jobs extends Commands {
  constructor(requester: Requester) {
    super(requester, "jobs");
  }

  create(request: CreateJob, options: CreateOptions = {}): Promise<Job> {
    return this.requester.json("POST", path("jobs"), { body: request, headers: creating(options), signal: options.signal });
  }

  get(id: string, { signal }: RequestOptions = {}): Promise<Job> {
    return this.requester.json("GET", path("jobs", id), { signal });
  }

  /** A page of jobs, newest first. */
  list(query: JobQuery = {}, { signal }: RequestOptions = {}): Promise<JobPage> {
    return this.requester.json("GET", path("jobs"), { query: { ...query }, signal });
  }

  /** Every job of a list, newest first. */
  all(query: Omit<JobQuery, "page"> = {}, options: RequestOptions = {}): AsyncGenerator<Job, void, undefined> {
    return pages(
      (page: string | undefined) => this.list({ ...query, page }, options),
      ({ jobs }) => jobs,
      ({ next }) => next,
    );
  }

  /** A page of a job's events, oldest first, whichever way is read: `next` leads on, `previous` back. */
  history(id: string, query: HistoryQuery = {}, { signal }: RequestOptions = {}): Promise<HistoryPage> {
    return this.requester.json("GET", path("jobs", id, "events"), { query: { ...query }, signal });
  }

  /** Every event of a job up to now, oldest first. */
  events(id: string, { after, ...query }: EventQuery & RecordQuery = {}, options: RequestOptions = {}): AsyncGenerator<HistoryEvent, void, undefined> {
    return pages(
      (next: string | undefined) => this.history(id, { ...query, after: next ?? after }, options),
      ({ events }) => events,
      ({ next }) => next,
    );
  }

  /** Every event of a job up to now, newest first: whoever stops early has asked for no more than those pages. */
  newestEvents(id: string, query: EventQuery = {}, options: RequestOptions = {}): AsyncGenerator<HistoryEvent, void, undefined> {
    return pages(
      (previous: string | undefined) => this.history(id, { ...query, before: previous ?? "latest" }, options),
      ({ events }) => [...events].reverse(),
      ({ previous }) => previous,
    );
  }

  /** A page of how a job's document changed, oldest first; see `Replay`. */
  records(id: string, query: RecordQuery = {}, { signal }: RequestOptions = {}): Promise<RecordPage> {
    return this.requester.json("GET", path("jobs", id, "records"), { query: { ...query }, signal });
  }

  /** Every change of a job's document up to now, oldest first. */
  allRecords(id: string, query: RecordQuery = {}, options: RequestOptions = {}): AsyncGenerator<JobRecord, void, undefined> {
    return pages(
      (next: string | undefined) => this.records(id, { ...query, after: next ?? query.after }, options),
      ({ records }) => records,
      ({ next }) => next,
    );
  }

  /** Tells what the job's work has done. The answer says what is asked of the producer. */
  report(id: string, events: SequencedReport | readonly SequencedReport[], { producer, signal }: ReportOptions = {}): Promise<ReportReply> {
    const headers = producer === undefined ? {} : { "producer-id": producer.id, "producer-seq": String(producer.seq) };
    return this.requester.json("POST", path("jobs", id, "events"), { body: events, headers, signal });
  }
}
