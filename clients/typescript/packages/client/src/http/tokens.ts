// The token that requests show.

import type { TokenSource } from "../watch/options.ts";

/** **Invariant:** whoever needs a token while somebody is asked for one waits for the same answer. */
export class Tokens {
  readonly #source: TokenSource | undefined;
  #held: Promise<string | null> | undefined;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** The token, `null` when nobody is signed in; asked for when none is held. */
  async current(): Promise<string | null> {
    const source = this.#source;
    if (source === undefined) return null;
    this.#held ??= (async () => source())();
    const asked = this.#held;
    try {
      return await asked;
    } catch (error) {
      this.#drop(asked);
      throw error;
    }
  }

  /** The next token after one that the server does not take; `undefined` when there is no other. */
  async after(refused: string | null): Promise<string | undefined> {
    if ((await this.current()) === refused) this.forget();
    const next = await this.current();
    return next === refused || next === null ? undefined : next;
  }

  /** The next request asks again. */
  forget(): void {
    this.#held = undefined;
  }

  #drop(asked: Promise<string | null>): void {
    if (this.#held === asked) this.#held = undefined;
  }
}
