"use client";
// All jobs of a session with their steps, live.

import { useCallback } from "react";
import type { JobsSnapshot } from "@headway/client";

import { stepsOf, type Steps } from "../steps.ts";
import type { SelectingOptions, WatchingOptions } from "./options.ts";
import { useJobs } from "./use_jobs.ts";

/** What is known of a session. */
export interface SessionSnapshot extends JobsSnapshot {
  /** The steps of all its jobs, in the order in which they began. */
  readonly steps: Steps;
}

/** What is known of a session, live, or what `select` takes of it. */
export function useSession(session: string | undefined, options?: WatchingOptions): SessionSnapshot;
export function useSession<Selected>(session: string | undefined, options: SelectingOptions<SessionSnapshot, Selected>): Selected;
export function useSession(
  session: string | undefined,
  options: WatchingOptions & Partial<SelectingOptions<SessionSnapshot, unknown>> = {},
): unknown {
  const { select } = options;
  const take = useCallback(
    (known: JobsSnapshot): unknown => {
      const snapshot = { ...known, steps: stepsOf(known.jobs) };
      return select === undefined ? snapshot : select(snapshot);
    },
    [select],
  );
  return useJobs(session === undefined ? undefined : { session }, { ...options, select: take });
}
