"use client";
// The time, for what grows while nothing is reported.

import { useContext, useEffect, useSyncExternalStore } from "react";
import type { Store } from "@headway/client";

import { HeadwayContext } from "../provider/context.ts";
import { still } from "./unwatched.ts";

const STEP_MS = 1_000;

/** One clock for everything on a page, so that all of it moves together and is rendered once. It runs while somebody reads it. */
const clock = ticker();
const stopped = still<number | undefined>(undefined);

/**
 * The time by the clock of the server that the provider names, in milliseconds since 1970, each second: for times of jobs.
 * `undefined` while it stands still, and on a server. Without a provider it is this machine's.
 */
export function useNow(moving: boolean): number | undefined {
  const local = useLocalNow(moving);
  const headway = useContext(HeadwayContext)?.headway;
  useEffect(() => {
    // Each second, because what is known ends when the clock is set; what is known is not asked again.
    if (local !== undefined) headway?.learnTime();
  }, [local, headway]);
  return local === undefined ? undefined : (headway?.serverTime(local) ?? local);
}

/** The time by this machine's clock, each second; `undefined` while it stands still, and on a server. */
export function useLocalNow(moving: boolean): number | undefined {
  const store = moving ? clock : stopped;
  return useSyncExternalStore(store.subscribe, store.getSnapshot, nothing);
}

function ticker(): Store<number | undefined> {
  const listeners = new Set<{ readonly call: () => void }>();
  let now: number | undefined;
  let timer: ReturnType<typeof setInterval> | undefined;
  const tick = (): void => {
    now = Date.now();
    for (const { call } of [...listeners]) call();
  };
  return {
    getSnapshot: () => now,
    subscribe: (call) => {
      const listener = { call };
      listeners.add(listener);
      if (timer === undefined) {
        timer = setInterval(tick, STEP_MS);
        tick();
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
        now = undefined;
      };
    },
  };
}

function nothing(): undefined {
  return undefined;
}
