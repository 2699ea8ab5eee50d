// The token that a session shows, and when to ask for the next one.

import type { SignedOutReason } from "./connection.ts";

/** The share of its life after which a token is replaced, and how much earlier it may be, so that clients that began together do not renew together. */
const REPLACED_AFTER = 0.8;
const SPREAD = 0.2;
/** Signs that a header can carry. A token with others, such as the end of a line, is nobody's. */
const SENDABLE = /^[\x21-\x7e]+$/;
/** The shortest time between two questions while a token still holds. */
const PAUSE_MS = 10_000;

/**
 * **Invariant:** a token that was refused is not used again, and after two refusals in a row nobody is
 * asked until the application says so.
 */
export class Credential {
  readonly #asked: boolean;
  #token: string | undefined;
  #refused: string | undefined;
  #replaced = false;
  #reason: SignedOutReason = "unauthenticated";
  #renewAt: number | undefined;

  /** `asked`: whether there is somebody to ask. */
  constructor(asked: boolean) {
    this.#asked = asked;
  }

  /** The token in use. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Why the last one was refused. */
  get reason(): SignedOutReason {
    return this.#reason;
  }

  /** When to ask for the next one; `undefined` when nobody knows or somebody was asked. */
  get renewAt(): number | undefined {
    return this.#renewAt;
  }

  /** Before a connection, or when it is time to renew: whether to ask for a token. */
  ask(): boolean {
    this.#renewAt = undefined;
    return this.#asked;
  }

  /** Takes what the application answered. */
  take(token: string | null | undefined): "new" | "refused" | "none" {
    if (token === null || token === undefined || token === "") return "none";
    if (token === this.#refused || !SENDABLE.test(token)) return "refused";
    this.#token = token;
    return "new";
  }

  /** The token holds until then, as far as this clock goes; `undefined`: until it is revoked. */
  holdsUntil(ends: number | undefined, now: number, random: number): void {
    if (ends === undefined || Number.isNaN(ends)) this.#renewAt = undefined;
    else this.#renewAt = now + Math.max(PAUSE_MS, (ends - now) * (REPLACED_AFTER - SPREAD * random));
  }

  /** The next token could not be had or was not taken: ask again soon. */
  failed(now: number): void {
    if (this.#asked) this.#renewAt = now + PAUSE_MS;
  }

  /** The server does not take the token. Whether another one is worth an attempt. */
  refuse(reason: SignedOutReason): boolean {
    this.#reason = reason;
    this.#refused = this.#token;
    this.#token = undefined;
    this.#renewAt = undefined;
    const first = !this.#replaced;
    this.#replaced = true;
    return first && this.#asked;
  }

  /** The server serves whoever shows the token. */
  proven(): void {
    this.#replaced = false;
  }

  /** The application has signed somebody in: what was refused may have been let in since. */
  resume(): void {
    this.#replaced = false;
    this.#refused = undefined;
  }
}
