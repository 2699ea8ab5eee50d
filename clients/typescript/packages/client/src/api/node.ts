// The node that answers: whether it takes work, and its counters.

import { HeadwayError } from "../http/error.ts";
import type { RequestOptions, Requester } from "../http/requester.ts";
import { Metrics } from "../metrics/metrics.ts";

export class Node {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Its counters as they are now; for callers with the scope `operate`. */
  async metrics({ signal }: RequestOptions = {}): Promise<Metrics> {
    const response = await this.#requester.send("GET", "/metrics", { signal });
    return Metrics.parse(await response.text());
  }

  /** Whether it takes new work; one that stops does not. */
  async ready({ signal }: RequestOptions = {}): Promise<boolean> {
    try {
      await this.#requester.send("GET", "/readyz", { signal });
      return true;
    } catch (error) {
      if (error instanceof HeadwayError && error.status === 503) return false;
      throw error;
    }
  }
}
