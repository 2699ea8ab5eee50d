// Configured types of jobs.

import { path, type RequestOptions, type Requester } from "../http/requester.ts";
import type { Kinds as Listed } from "../protocol/generated/contract.ts";

export class Kinds {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** All of them, by name. */
  list({ signal }: RequestOptions = {}): Promise<Listed> {
    return this.#requester.json("GET", path("kinds"), { signal });
  }
}
