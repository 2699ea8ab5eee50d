// API keys.

import type { KeyInfo, KeyPage, KeyRequest, NewKey } from "../protocol/generated/contract.ts";
import { pages } from "../http/pages.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

export class Keys {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Makes a key. It is shown this once. */
  create(request: KeyRequest, { signal }: RequestOptions = {}): Promise<NewKey> {
    return this.#requester.json("POST", path("keys"), { body: request, signal });
  }

  /** A page of keys, oldest first. */
  list(query: { readonly after?: string | undefined; readonly limit?: number | undefined } = {}, { signal }: RequestOptions = {}): Promise<KeyPage> {
    return this.#requester.json("GET", path("keys"), { query: { ...query }, signal });
  }

  /** Every key, oldest first. */
  all(options: RequestOptions = {}): AsyncGenerator<KeyInfo, void, undefined> {
    return pages(
      (after: string | undefined) => this.list({ after }, options),
      ({ keys }) => keys,
      ({ next }) => next,
    );
  }

  /** Ends a key by its id, with the tokens that it made. */
  async revoke(id: string, { signal }: RequestOptions = {}): Promise<void> {
    await this.#requester.send("DELETE", path("keys", id), { signal });
  }
}
