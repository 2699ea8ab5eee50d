// Who somebody is to the server, and a browser's session there.

import type { Identity as Known, SignInRequest } from "../protocol/generated/contract.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

export class Identity {
  readonly #requester: Requester;

  constructor(requester: Requester) {
    this.#requester = requester;
  }

  /** Who the caller is and what they may do; refused with 401 where they have to sign in first. */
  get({ signal }: RequestOptions = {}): Promise<Known> {
    return this.#requester.json("GET", path("identity"), { signal });
  }

  /** Signs a person in, by a cookie that scripts cannot read; for pages of the server's own origin. */
  signIn(request: SignInRequest, { signal }: RequestOptions = {}): Promise<Known> {
    return this.#requester.json("POST", path("session"), { body: request, signal });
  }

  /** Ends that session. */
  async signOut({ signal }: RequestOptions = {}): Promise<void> {
    await this.#requester.send("DELETE", path("session"), { signal });
  }
}
