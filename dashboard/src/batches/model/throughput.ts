// How many items ended when: what the server has counted, and what was seen since.

import type { ItemCounts, Timings } from "@headway/client";

/** How many items had ended at a moment. */
export interface Settled {
  readonly at: number;
  readonly succeeded: number;
  readonly failed: number;
}

/** Bars of one length. */
export interface Throughput {
  readonly stepMs: number;
  /** Where each bar begins, ascending, without holes. */
  readonly starts: readonly number[];
  /** Items that ended well in each bar. */
  readonly succeeded: readonly number[];
  /** Items that failed in each bar. */
  readonly failed: readonly number[];
}

/** How items stand, as a moment of the throughput. Skipped ones count as done. */
export function settled(at: number, items: Readonly<ItemCounts>): Settled {
  return { at, succeeded: items.succeeded + items.skipped, failed: items.failed };
}

/**
 * The bars that the server told of, and what ended since, by what a watch has seen. `seen` is in
 * order; its first entry is how things stood when the server was asked.
 */
export function throughput(timings: Pick<Timings, "step_ms" | "points">, seen: readonly Settled[]): Throughput {
  const stepMs = Math.max(1, timings.step_ms);
  const starts: number[] = [];
  const succeeded: number[] = [];
  const failed: number[] = [];
  const add = (at: number, good: number, bad: number): void => {
    const first = starts[0];
    if (first === undefined) {
      starts.push(at);
      succeeded.push(good);
      failed.push(bad);
      return;
    }
    const place = Math.max(0, Math.floor((at - first) / stepMs));
    while (starts.length <= place) {
      starts.push(first + starts.length * stepMs);
      succeeded.push(0);
      failed.push(0);
    }
    succeeded[place] = (succeeded[place] ?? 0) + good;
    failed[place] = (failed[place] ?? 0) + bad;
  };
  for (const { at, finished, failed: bad } of timings.points) add(Date.parse(at), Math.max(0, finished - bad), bad);
  for (const [place, now] of seen.entries()) {
    const before = seen[place - 1];
    if (before === undefined) continue;
    const [good, bad] = [now.succeeded - before.succeeded, now.failed - before.failed];
    // Counts fall when items run again: that is not something that ended.
    if (good > 0 || bad > 0) add(now.at, Math.max(0, good), Math.max(0, bad));
  }
  return { stepMs, starts, succeeded, failed };
}

/** Units in which a rate is not mostly zeros. */
export interface RateUnit {
  readonly ms: number;
  readonly label: string;
}

/** The unit in which the busiest bar has at least one item. */
export function rateUnit({ stepMs, succeeded, failed }: Throughput): RateUnit {
  const most = succeeded.reduce((found, good, place) => Math.max(found, good + (failed[place] ?? 0)), 0);
  const perSecond = (most / stepMs) * 1_000;
  if (perSecond >= 1 || most === 0) return { ms: 1_000, label: "s" };
  return perSecond * 60 >= 1 ? { ms: 60_000, label: "min" } : { ms: 3_600_000, label: "h" };
}
