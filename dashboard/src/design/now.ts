// The time, as often as something that shows it wants to be told. One timer for each pace.

import { useHeadway } from "@headway/react";
import { useEffect, useSyncExternalStore } from "react";

class Pace {
  readonly #everyMs: number;
  readonly #listeners = new Set<() => void>();
  #now = Date.now();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  readonly getSnapshot = (): number => {
    // A pace that nobody followed has an old time.
    if (this.#timer === undefined && Date.now() - this.#now > this.#everyMs) this.#now = Date.now();
    return this.#now;
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => {
      this.#now = Date.now();
      for (const tell of [...this.#listeners]) tell();
    }, this.#everyMs);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };
}

const paces = new Map<number, Pace>();

function paceOf(everyMs: number): Pace {
  let pace = paces.get(everyMs);
  if (pace === undefined) {
    pace = new Pace(everyMs);
    paces.set(everyMs, pace);
  }
  return pace;
}

const still = { subscribe: () => () => undefined, getSnapshot: () => 0 };

/** Milliseconds since 1970 by the server's clock, as the times of jobs are, again every so many milliseconds; 0 when nobody wants to know. */
export function useNow(everyMs: number | undefined): number {
  const headway = useHeadway();
  const { subscribe, getSnapshot } = everyMs === undefined ? still : paceOf(everyMs);
  const local = useSyncExternalStore(subscribe, getSnapshot);
  useEffect(() => {
    // At each step, because what is known ends when the clock is set; what is known is not asked again.
    if (everyMs !== undefined) headway.learnTime();
  }, [headway, everyMs, local]);
  return everyMs === undefined ? 0 : headway.serverTime(local);
}
