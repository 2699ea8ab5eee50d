// How long to wait before coming back.

const FIRST_MS = 1_000;
const LAST_MS = 16_000;

/**
 * Waits of 1, 2, 4, 8 and 16 s, each with full jitter: a random time between zero and the step, so
 * that thousands of watchers cut off together do not come back together.
 */
export class Backoff {
  readonly #attempts: number;
  #failures = 0;

  /** Gives up after `attempts` failures in a row; 5 is the protocol's default. */
  constructor(attempts: number) {
    this.#attempts = attempts;
  }

  /** The wait before the next attempt in milliseconds, `undefined` when there is none left; `random` is 0 to 1. */
  next(random: number): number | undefined {
    if (this.#failures >= this.#attempts) return undefined;
    const step = Math.min(FIRST_MS * 2 ** this.#failures, LAST_MS);
    this.#failures += 1;
    return step * random;
  }

  /** It worked: the next failure is the first again. */
  reset(): void {
    this.#failures = 0;
  }

  /** The wait while there is no network: long, and not counted. */
  static away(random: number): number {
    return LAST_MS * random;
  }
}
