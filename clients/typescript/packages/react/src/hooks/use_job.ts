"use client";
// One job, live.

import type { JobSnapshot } from "@headway/client";

import type { PooledWatch, WatchPool, Wish } from "../watch/pool.ts";
import { UNKNOWN_JOB } from "../watch/unwatched.ts";
import type { AnyOptions, SelectingOptions, WatchingOptions } from "./options.ts";
import { useWatch } from "./use_watch.ts";

/**
 * What is known of a job, live, or what `select` takes of it: then the component is rendered again only
 * when that has changed. Without an `id` nothing is watched.
 */
export function useJob(id: string | undefined, options?: WatchingOptions): JobSnapshot;
export function useJob<Selected>(id: string | undefined, options: SelectingOptions<JobSnapshot, Selected>): Selected;
export function useJob(id: string | undefined, options: AnyOptions<JobSnapshot> = {}): unknown {
  return useWatch(id, open, UNKNOWN_JOB, options);
}

function open(pool: WatchPool, id: string, wish: Wish): PooledWatch<JobSnapshot> {
  return pool.job(id, wish);
}
