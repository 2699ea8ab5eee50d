// Deliveries of webhooks that were given up.

import type { DeadLetter, DeadLetterPage } from "../protocol/generated/contract.ts";
import { pages } from "../http/pages.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

/** Which dead letters a page holds. */
export interface DeadLetterQuery {
  /** The `next` of the page before. */
  readonly after?: string | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

export class DeadLetters {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** A page of them, oldest event first. */
  list(query: DeadLetterQuery = {}, { signal }: RequestOptions = {}): Promise<DeadLetterPage> {
    return this.#requester.json("GET", path("webhooks", "dead"), { query: { ...query }, signal });
  }

  /** Every one of them, oldest event first. */
  all(options: RequestOptions = {}): AsyncGenerator<DeadLetter, void, undefined> {
    return pages(
      (after: string | undefined) => this.list({ after }, options),
      ({ dead_letters: letters }) => letters,
      ({ next }) => next,
    );
  }

  /** Sends one of them again. */
  async replay(id: string, { signal }: RequestOptions = {}): Promise<void> {
    await this.#requester.send("POST", path("webhooks", "dead", id, "replay"), { signal });
  }

  /** Sends all of them again; `replayed` says how many there were. */
  replayAll({ signal }: RequestOptions = {}): Promise<{ readonly replayed: number }> {
    return this.#requester.json("POST", path("webhooks", "dead", "replay"), { signal });
  }

  /** Forgets one of them. */
  async remove(id: string, { signal }: RequestOptions = {}): Promise<void> {
    await this.#requester.send("DELETE", path("webhooks", "dead", id), { signal });
  }
}
