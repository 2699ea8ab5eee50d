"use client";
// One batch, live.

import { useCallback } from "react";
import type { JobSnapshot } from "@headway/client";

import { etaOf, settled, type Counts, type Eta } from "../batch.ts";
import type { SelectingOptions, WatchingOptions } from "./options.ts";
import { useJob } from "./use_job.ts";

/** What is known of a batch. */
export interface BatchSnapshot extends JobSnapshot {
  /** How many items are where. */
  readonly counts: Counts | undefined;
  /** Items that will not move any more. */
  readonly settled: number | undefined;
  /** Items per second. */
  readonly rate: number | undefined;
  /** How long it will take. */
  readonly eta: Eta | undefined;
}

/** What is known of a batch, live, or what `select` takes of it. */
export function useBatch(id: string | undefined, options?: WatchingOptions): BatchSnapshot;
export function useBatch<Selected>(id: string | undefined, options: SelectingOptions<BatchSnapshot, Selected>): Selected;
export function useBatch(
  id: string | undefined,
  options: WatchingOptions & Partial<SelectingOptions<BatchSnapshot, unknown>> = {},
): unknown {
  const { select } = options;
  const take = useCallback(
    (known: JobSnapshot): unknown => {
      const counts = known.job?.items ?? undefined;
      const rate = known.job?.progress?.rate ?? undefined;
      const snapshot = { ...known, counts, settled: counts && settled(counts), rate, eta: etaOf(known.job) };
      return select === undefined ? snapshot : select(snapshot);
    },
    [select],
  );
  return useJob(id, { ...options, select: take });
}
