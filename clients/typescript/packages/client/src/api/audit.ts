// What was done on a server, and by whom.

import type { AuditEntry, AuditPage } from "../protocol/generated/contract.ts";
import { pages } from "../http/pages.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

/** Which part of the audit log is meant. */
export interface AuditQuery {
  /** The `next` of the page before. */
  readonly before?: string | undefined;
  /** Only entries of this kind, such as `job.cancel`. */
  readonly what?: string | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

export class Audit {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** A page of entries, newest first. */
  list(query: AuditQuery = {}, { signal }: RequestOptions = {}): Promise<AuditPage> {
    return this.#requester.json("GET", path("audit"), { query: { ...query }, signal });
  }

  /** Every entry, newest first. */
  all(query: Omit<AuditQuery, "before"> = {}, options: RequestOptions = {}): AsyncGenerator<AuditEntry, void, undefined> {
    return pages(
      (before: string | undefined) => this.list({ ...query, before }, options),
      ({ entries }) => entries,
      ({ next }) => next,
    );
  }
}
