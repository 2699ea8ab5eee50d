// A client that a provider makes and closes.

import { Headway, type ConnectOptions, type TokenSource } from "@headway/client";

import { WatchPool } from "../watch/pool.ts";
import type { Provided } from "./context.ts";

/**
 * How long a client is kept that no provider on the page holds. React renders what it may throw away,
 * runs effects twice to find mistakes, and hides parts of a page: none of that says that it is over.
 */
const KEPT_MS = 5_000;

/** Where nothing can be: stands for the page's own server while there is no page. No effect runs there, so nothing asks. */
const NO_PAGE = "http://page.invalid";

/** A client of its own, closed when nobody holds it for a while. */
export class OwnClient implements Provided {
  readonly headway: Headway;
  readonly pool: WatchPool;
  readonly #options: ConnectOptions;
  #token: TokenSource | undefined;
  #holders = 0;
  #closing: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: ConnectOptions) {
    const onPage = typeof window !== "undefined";
    this.#options = options;
    this.#token = options.token;
    this.headway = new Headway({
      ...options,
      ...(options.url === undefined && !onPage && { url: NO_PAGE }),
      token: options.token && (() => this.#token?.() ?? null),
    });
    this.pool = new WatchPool(this.headway);
    if (onPage) this.#closeLater();
  }

  /** Says who is asked for a token from now on. */
  askFrom(token: TokenSource | undefined): void {
    this.#token = token;
  }

  /** One like it that is open. */
  another(): OwnClient {
    return new OwnClient({ ...this.#options, token: this.#token });
  }

  /** Keeps it open until the function that it gives is called; calls `tooLate` when it is closed already. */
  hold(tooLate: () => void): () => void {
    if (this.#closed) tooLate();
    this.#holders += 1;
    clearTimeout(this.#closing);
    return () => {
      this.#holders -= 1;
      if (this.#holders === 0 && !this.#closed) this.#closeLater();
    };
  }

  #closeLater(): void {
    clearTimeout(this.#closing);
    this.#closing = setTimeout(() => {
      this.#closed = true;
      this.pool.retire();
      this.headway.close();
    }, KEPT_MS);
  }
}
