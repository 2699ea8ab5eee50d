// The part of a history that had happened at a moment.

import type { PastEvent } from "./history.ts";

/** When each event happened, in milliseconds since 1970; a clock that was set back does not go back here, and what has no time belongs to what came before. */
export function timesOf(events: readonly PastEvent[]): readonly number[] {
  let latest = -Infinity;
  return events.map(({ at }) => {
    const time = typeof at === "string" ? Date.parse(at) : Number.NaN;
    if (time > latest) latest = time;
    return latest;
  });
}

/** How many of them had happened: `times` never falls. */
export function countUntil(times: readonly number[], moment: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? Infinity) <= moment) low = middle + 1;
    else high = middle;
  }
  return low;
}
