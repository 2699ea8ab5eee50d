// Web Locks, as far as tabs use them.

/** A lock that is held or waited for. */
export interface Lock {
  /** Gives it back, or waits no longer. */
  readonly release: () => void;
}

/** What becomes of a lock. */
export interface LockListener {
  readonly held: () => void;
  /** Another took it. */
  readonly lost?: () => void;
  /** It cannot be had: this page may not use locks. */
  readonly refused?: () => void;
}

/** Waits for a lock, or takes it from whoever holds it. */
export function lock(name: string, steal: boolean, { held, lost, refused }: LockListener): Lock {
  const gaveUp = new AbortController();
  let release: () => void = () => undefined;
  let isHeld = false;
  let isOver = false;
  const kept = new Promise<void>((resolve) => (release = resolve));
  const take = (): Promise<void> => {
    if (isOver) return Promise.resolve();
    isHeld = true;
    held();
    return kept;
  };
  // A request cannot both steal and be given up.
  const options: LockOptions = steal ? { steal } : { signal: gaveUp.signal };
  navigator.locks.request(name, options, take).catch(() => {
    if (isOver) return;
    if (isHeld) lost?.();
    else refused?.();
  });
  return {
    release: () => {
      isOver = true;
      release();
      if (!isHeld) gaveUp.abort();
    },
  };
}
