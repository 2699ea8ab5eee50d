"use client";
// What happens in a job, from now on.

import { useMemo, useSyncExternalStore } from "react";

import { useProvided } from "../provider/context.ts";
import { EventLog, NO_EVENTS, type EventsSnapshot } from "../watch/event_log.ts";
import { still } from "../watch/unwatched.ts";

/** Which events, and how many. */
export interface JobEventsOptions {
  /** Such as `log` and `partial`; all unless said. */
  readonly types?: readonly string[] | undefined;
  /** How many of the newest are kept; 500 unless said. */
  readonly limit?: number | undefined;
}

/** The newest events of a job since the component is there. Without an `id` nothing is watched. */
export function useJobEvents(id: string | undefined, { types, limit = 500 }: JobEventsOptions = {}): EventsSnapshot {
  const { pool } = useProvided();
  const wanted = types === undefined ? undefined : JSON.stringify(types);
  const store = useMemo(() => {
    if (id === undefined) return still(NO_EVENTS);
    const events = wanted === undefined ? true : (JSON.parse(wanted) as string[]);
    return new EventLog(limit, pool.job(id, { events, minIntervalMs: undefined }).listen);
  }, [pool, id, wanted, limit]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, nothing);
}

function nothing(): EventsSnapshot {
  return NO_EVENTS;
}
