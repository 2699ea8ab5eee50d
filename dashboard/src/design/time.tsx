// Moments and spans that stay right while they are looked at.

import { formatDuration, formatTime } from "@headway/react";

import { useNow } from "./now.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

/** `3 min ago`; what is older than a week is a date. */
export function ago(moment: number, now: number): string {
  const age = Math.max(0, now - moment);
  if (age < 5 * SECOND) return "now";
  if (age < MINUTE) return relative.format(-Math.floor(age / SECOND), "second");
  if (age < HOUR) return relative.format(-Math.floor(age / MINUTE), "minute");
  if (age < DAY) return relative.format(-Math.floor(age / HOUR), "hour");
  if (age < 7 * DAY) return relative.format(-Math.floor(age / DAY), "day");
  return new Date(moment).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

/** When something was, from now; the whole of it on pointing there. */
export function Ago({ at }: { readonly at: number | string }) {
  const moment = typeof at === "number" ? at : Date.parse(at);
  const now = useNow(5 * SECOND);
  return <time dateTime={new Date(moment).toISOString()} title={formatTime(moment, { show: "all" })}>{ago(moment, Math.max(now, moment))}</time>;
}

/** How long something took, or has taken so far. */
export function Elapsed({ since, until }: { readonly since: number | string; readonly until?: number | string | null | undefined }) {
  const begun = typeof since === "number" ? since : Date.parse(since);
  const ended = until === undefined || until === null ? undefined : typeof until === "number" ? until : Date.parse(until);
  const now = useNow(ended === undefined ? SECOND : undefined);
  // What goes on is told in whole seconds: it is looked at once in each.
  const spent = Math.max(SECOND, now - begun);
  if (ended === undefined) return <span className="numbers">{formatDuration(spent - (spent % SECOND), { round: spent < 10 * SECOND })}</span>;
  return <span className="numbers">{formatDuration(ended - begun)}</span>;
}
