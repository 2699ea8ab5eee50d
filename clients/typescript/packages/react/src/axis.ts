// A stretch of time and the places on it.

import type { StepDocument, Steps } from "./steps.ts";

/** A stretch of time, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Distances between marks that people count in. */
const DISTANCES = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * DAY),
];

/** When a step ran; one that runs ends now, one that has not begun has no time. */
export function spanOf({ started_at: started, finished_at: finished, status }: StepDocument, now: number): Span | undefined {
  if (typeof started !== "string") return undefined;
  const from = Date.parse(started);
  if (Number.isNaN(from)) return undefined;
  const end = typeof finished === "string" ? Date.parse(finished) : status === "running" ? now : from;
  return { from, to: Math.max(from, end) };
}

/** The newest time that steps speak of; `undefined` when none has begun. */
export function newest(steps: Steps): number | undefined {
  const times = Object.values(steps).flatMap(({ started_at: started, finished_at: finished }) =>
    [started, finished].filter((at) => typeof at === "string").map((at) => Date.parse(at)),
  );
  return times.length === 0 ? undefined : times.reduce((one, other) => Math.max(one, other));
}

/** The stretch in which all of them lie. */
export function around(spans: readonly Span[]): Span | undefined {
  const [first] = spans;
  if (first === undefined) return undefined;
  return spans.reduce((all, { from, to }) => ({ from: Math.min(all.from, from), to: Math.max(all.to, to) }), first);
}

/** Marks on a stretch, as milliseconds from its beginning: at most `most` of them behind the first. */
export function marks({ from, to }: Span, most = 5): readonly number[] {
  const length = to - from;
  const distance = DISTANCES.find((one) => length / one <= most) ?? Math.ceil(length / most);
  const count = length <= 0 ? 0 : Math.floor(length / distance);
  return Array.from({ length: count + 1 }, (_, place) => place * distance);
}
