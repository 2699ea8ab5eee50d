"use client";
// Many jobs, live.

import type { JobsSnapshot } from "@headway/client";

import type { ManySelector, PooledWatch, WatchPool, Wish } from "../watch/pool.ts";
import { UNKNOWN_JOBS } from "../watch/unwatched.ts";
import type { AnyOptions, SelectingOptions, WatchingOptions } from "./options.ts";
import { useWatch } from "./use_watch.ts";

/**
 * Jobs of a session, of a tag, or all, live: those that have not ended, and every job that moves from then
 * on. Without a `selector` nothing is watched.
 */
export function useJobs(selector: ManySelector | undefined, options?: WatchingOptions): JobsSnapshot;
export function useJobs<Selected>(selector: ManySelector | undefined, options: SelectingOptions<JobsSnapshot, Selected>): Selected;
export function useJobs(selector: ManySelector | undefined, options: AnyOptions<JobsSnapshot> = {}): unknown {
  return useWatch(selector && JSON.stringify(selector), open, UNKNOWN_JOBS, options);
}

function open(pool: WatchPool, selector: string, wish: Wish): PooledWatch<JobsSnapshot> {
  return pool.jobs(JSON.parse(selector) as ManySelector, wish);
}
