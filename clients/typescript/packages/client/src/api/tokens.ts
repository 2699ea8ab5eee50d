// Watch tokens, tickets and revocations.

import type { NewTicket, NewToken, RevocationRequest, TokenRequest } from "../protocol/generated/contract.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

export class WatchTokens {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Makes a token with which certain jobs can be watched. It is shown this once. */
  create(request: TokenRequest, { signal }: RequestOptions = {}): Promise<NewToken> {
    return this.#requester.json("POST", path("tokens"), { body: request, signal });
  }

  /** Makes a ticket: opens one stream, once, within a minute, as whoever makes it. */
  ticket({ signal }: RequestOptions = {}): Promise<NewTicket> {
    return this.#requester.json("POST", path("tickets"), { signal });
  }

  /** Ends what somebody holds, wherever it is used; live streams end with it. */
  async revoke(request: RevocationRequest, { signal }: RequestOptions = {}): Promise<void> {
    await this.#requester.send("POST", path("revocations"), { body: request, signal });
  }
}
