// The time, as often as something that shows it wants to be told. One timer for each pace.

import { useCallback, useSyncExternalStore } from "react";

interface Pace {
  readonly listeners: Set<() => void>;
  now: number;
  timer: ReturnType<typeof setInterval> | undefined;
}

const paces = new Map<number, Pace>();

function paceOf(milliseconds: number): Pace {
  let pace = paces.get(milliseconds);
  if (pace === undefined) {
    pace = { listeners: new Set(), now: Date.now(), timer: undefined };
    paces.set(milliseconds, pace);
  }
  return pace;
}

/** Milliseconds since 1970, again every so many milliseconds; the moment of the last time when that is `undefined`. */
export function useNow(everyMs: number | undefined): number {
  const pace = paceOf(everyMs ?? 60_000);
  const ticks = everyMs !== undefined;
  const subscribe = useCallback(
    (listener: () => void) => {
      if (!ticks) return () => undefined;
      pace.listeners.add(listener);
      pace.timer ??= setInterval(() => {
        pace.now = Date.now();
        for (const tell of [...pace.listeners]) tell();
      }, everyMs);
      return () => {
        pace.listeners.delete(listener);
        if (pace.listeners.size > 0) return;
        clearInterval(pace.timer);
        pace.timer = undefined;
      };
    },
    [pace, ticks, everyMs],
  );
  return useSyncExternalStore(subscribe, () => {
    // A pace that nobody followed has an old time.
    if (pace.timer === undefined && Date.now() - pace.now > (everyMs ?? 60_000)) pace.now = Date.now();
    return pace.now;
  });
}
