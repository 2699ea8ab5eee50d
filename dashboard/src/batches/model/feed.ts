// Something that the server is asked for again as it changes, and not too often.

/** What is known. */
export interface FeedState<Value> {
  /** The newest answer. It stays while another is asked for, and when that fails. */
  readonly value: Value | undefined;
  /** Why the newest question got no answer. */
  readonly error: unknown;
}

/** Does something later, unless it is taken back. */
export type After = (ms: number, run: () => void) => () => void;

export const systemAfter: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => {
    clearTimeout(timer);
  };
};

const EMPTY = { value: undefined, error: undefined };

/**
 * Asks once when it is started, and again when it is told of a change, at most once in a while. There
 * is never more than one question on its way, and the last change is always asked about.
 */
export class Feed<Value> {
  readonly #load: (signal: AbortSignal) => Promise<Value>;
  readonly #everyMs: number;
  readonly #after: After;
  readonly #listeners = new Set<() => void>();
  #state: FeedState<Value> = EMPTY;
  #asking: AbortController | undefined;
  #takeBack: (() => void) | undefined;
  #changed = false;
  #version: unknown;

  constructor(load: (signal: AbortSignal) => Promise<Value>, everyMs: number, after: After = systemAfter) {
    this.#load = load;
    this.#everyMs = everyMs;
    this.#after = after;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): FeedState<Value> => this.#state;

  start(): void {
    if (this.#asking === undefined) this.#ask();
  }

  stop(): void {
    this.#takeBack?.();
    this.#takeBack = undefined;
    this.#asking?.abort();
    this.#asking = undefined;
  }

  /** How things stand elsewhere; when that is another version than before, the answer may be too. */
  change(version: unknown): void {
    const isNew = this.#version !== undefined && this.#version !== version;
    this.#version = version;
    if (isNew) this.again();
  }

  /** Asks again, soon. */
  readonly again = (): void => {
    this.#changed = true;
    if (this.#asking === undefined && this.#takeBack === undefined) this.#ask();
  };

  #ask(): void {
    this.#changed = false;
    const asking = new AbortController();
    this.#asking = asking;
    const settle = (state: FeedState<Value>): void => {
      if (this.#asking !== asking) return;
      this.#asking = undefined;
      this.#state = state;
      this.#takeBack = this.#after(this.#everyMs, () => {
        this.#takeBack = undefined;
        if (this.#changed) this.#ask();
      });
      for (const listener of [...this.#listeners]) listener();
    };
    this.#load(asking.signal).then(
      (value) => {
        settle({ value, error: undefined });
      },
      (error: unknown) => {
        settle({ value: this.#state.value, error });
      },
    );
  }
}
