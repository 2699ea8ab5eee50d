"use client";
// The time, for what grows while nothing is reported.

import { useMemo, useSyncExternalStore } from "react";
import type { Store } from "@headway/client";

import { still } from "./unwatched.ts";

/** The time in milliseconds since 1970, each second; `undefined` while it stands still, and on a server. */
export function useNow(moving: boolean): number | undefined {
  const store = useMemo(() => (moving ? ticker() : still<number | undefined>(undefined)), [moving]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, nothing);
}

function ticker(): Store<number | undefined> {
  let now: number | undefined;
  return {
    getSnapshot: () => now,
    subscribe: (listener) => {
      const tick = (): void => {
        now = Date.now();
        listener();
      };
      const timer = setInterval(tick, 1_000);
      tick();
      return () => {
        clearInterval(timer);
      };
    },
  };
}

function nothing(): undefined {
  return undefined;
}
