// The server's time where this machine's clock is wrong: times of jobs are the server's, and what has passed since then
// can only be told by the same clock.
//
// Owner: the client. **Invariants:** a clock that is right within a few seconds is used as it is; nothing is set right by
// what was learned before the clock was set or the machine slept.

import type { Fetch } from "../transport/answer.ts";

/** A difference that is not set right: answers tell whole seconds, and take their time. */
const TOLERATED_MS = 5_000;
/** How long an answer may have taken to say what time it is. */
const PROMPT_MS = 2_000;
/** How long after an attempt to learn the time the next one is made. */
const AGAIN_MS = 60_000;

interface Learned {
  /** How far this clock is ahead of the server's, in milliseconds. */
  readonly aheadMs: number;
  /** This clock when that was learned, and another that nobody sets. */
  readonly local: number;
  readonly steady: number;
}

export class ServerTime {
  readonly #ask: () => Promise<Response>;
  #learned: Learned | undefined;
  #askedAt = -Infinity;

  constructor(base: string, fetch: Fetch, credentials: RequestCredentials | undefined) {
    this.#ask = () => this.during(fetch(`${base}/api/v1/openapi.json`, { method: "HEAD", cache: "no-store", ...(credentials !== undefined && { credentials }) }));
  }

  /** Takes the time from an answer, which says it in `Date`. Other origins may not be able to read that; then nothing is learned. */
  async during(answer: Promise<Response>): Promise<Response> {
    const began = performance.now();
    const response = await answer;
    const [local, steady] = [Date.now(), performance.now()];
    const said = Date.parse(response.headers.get("date") ?? "");
    // It is said in whole seconds, of which half have passed.
    if (!Number.isNaN(said) && steady - began <= PROMPT_MS) this.#learned = { aheadMs: local - said - 500, local, steady };
    return response;
  }

  /** Asks what time it is, unless that is known or was asked just now. */
  learn(): void {
    const now = performance.now();
    if (this.#known() !== undefined || now - this.#askedAt < AGAIN_MS) return;
    this.#askedAt = now;
    this.#ask().then(
      (answer) => {
        // Where it cannot be read, asking again brings nothing.
        if (!answer.headers.has("date")) this.#askedAt = Infinity;
      },
      () => undefined,
    );
  }

  /** The server's time when this machine's clock says or said `local`, both in milliseconds since 1970. */
  at(local: number): number {
    const aheadMs = this.#known()?.aheadMs ?? 0;
    return Math.abs(aheadMs) > TOLERATED_MS ? local - aheadMs : local;
  }

  /** What was learned, unless the clock was set since then, or the machine slept. */
  #known(): Learned | undefined {
    const learned = this.#learned;
    if (learned === undefined) return undefined;
    const drift = Date.now() - learned.local - (performance.now() - learned.steady);
    return Math.abs(drift) <= TOLERATED_MS ? learned : undefined;
  }
}
