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

/**
 * Items per unit in each bar. The last one has not lasted its whole time yet when `until` is inside of
 * it: it counts by the time that it has, or not at all while that is too short to say anything.
 */
export function rates(bars: Throughput, unit: RateUnit, until: number): Pick<Throughput, "starts" | "succeeded" | "failed"> {
  const { stepMs, starts } = bars;
  const last = starts.at(-1);
  const lasted = last === undefined ? stepMs : Math.min(stepMs, until - last);
  const shown = lasted < stepMs / 3 && starts.length > 1 ? starts.length - 1 : starts.length;
  const perUnit = (counts: readonly number[]): readonly number[] =>
    counts.slice(0, shown).map((count, place) => (count * unit.ms) / (place === starts.length - 1 ? Math.max(lasted, stepMs / 3) : stepMs));
  return { starts: starts.slice(0, shown), succeeded: perUnit(bars.succeeded), failed: perUnit(bars.failed) };
}

/** Moments that are kept between two answers of the server. */
const MOST_SEEN = 500;
/** Closer moments tell nothing more: no bar is shorter. */
const GAP_MS = 500;

/** What a watch has seen of a batch's counts, for as long as the server's answer does not have it yet. */
export class SettledLog {
  #seen: readonly Settled[] = [];
  readonly #listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): readonly Settled[] => this.#seen;

  add(moment: Settled): void {
    const last = this.#seen.at(-1);
    if (last?.succeeded === moment.succeeded && last.failed === moment.failed) return;
    if (last !== undefined && moment.at - last.at < GAP_MS) return;
    this.#seen = [...this.#seen.slice(-MOST_SEEN), moment];
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Of what was seen, the part that an answer which counts so many finished items does not have. */
export function since(seen: readonly Settled[], finished: number): readonly Settled[] {
  const from = seen.findIndex(({ succeeded, failed }) => succeeded + failed >= finished);
  return from < 0 ? [] : seen.slice(from);
}
