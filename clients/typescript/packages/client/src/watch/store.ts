// A value that others read and are told of: what `useSyncExternalStore` and its like ask for.

/** Something to read and to be told of. Both functions may be passed on without their object. */
export interface Store<Snapshot> {
  /** Calls `listener` after each change, until the function that it gives is called. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The value: the same object until something in it changes. */
  readonly getSnapshot: () => Snapshot;
}

/** Listeners of one value. */
export class Listeners {
  readonly #listeners = new Set<{ readonly call: () => void }>();

  /** Adds a listener; the same function twice is called twice. */
  add(call: () => void): () => void {
    const listener = { call };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Calls everyone. One that throws keeps nobody else from being told. */
  tell(): void {
    for (const { call } of [...this.#listeners]) safely(call);
  }
}

/** Calls what is not ours; what it throws is thrown where the platform sees it. */
export function safely(call: () => void): void {
  try {
    call();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
