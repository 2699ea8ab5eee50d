// Intermediate results of a job.

import { formatCount } from "@headway/react";

import type { PastEvent } from "./history.ts";

export interface Partial {
  readonly name: string;
  readonly data: unknown;
  readonly at: string | undefined;
  /** How many of this name there were. */
  readonly times: number;
}

/** Which of how many it is: of a history that was not read whole there may be more. */
export function placeOf(times: number, isWhole: boolean): string {
  return `newest of ${isWhole ? "" : "at least "}${formatCount(times)}`;
}

/** The latest of each name, in the order in which the names came. */
export function latestPartials(events: readonly PastEvent[]): readonly Partial[] {
  const latest = new Map<string, Partial>();
  for (const event of events) {
    if (event.type !== "partial") continue;
    const name = typeof event["name"] === "string" ? event["name"] : "partial";
    latest.set(name, { name, data: event["data"], at: typeof event.at === "string" ? event.at : undefined, times: (latest.get(name)?.times ?? 0) + 1 });
  }
  return [...latest.values()];
}
