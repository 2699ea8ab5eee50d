// Durations and times for people.

import type { Eta } from "../batch.ts";
import { ENGLISH, type Words } from "../words/words.ts";
import { numbers, times } from "./formatters.ts";
import { localeOf, type FormatOptions } from "./numbers.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Unit = "millisecond" | "second" | "minute" | "hour" | "day";

function said(value: number, unit: Unit, locale: string, display: "narrow" | "short", digits = 0, least = 1): string {
  const settings: Intl.NumberFormatOptions = {
    style: "unit",
    unit,
    unitDisplay: display,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
    minimumIntegerDigits: least,
  };
  return numbers(locale, settings).format(value);
}

/** How long something takes or took: `450ms`, `4.2s`, `2m 05s`, `1h 12m`, `3d 04h`. With `round`, parts that are zero are left out: `1m`. */
export function formatDuration(ms: number, options: FormatOptions & { readonly round?: boolean } = {}): string {
  const locale = localeOf(options);
  const { round = false } = options;
  const one = (value: number, unit: Unit, digits = 0): string => said(value, unit, locale, "narrow", digits);
  const two = (large: Unit, size: number, small: Unit, part: number): string => {
    const rest = Math.floor((spent % size) / part);
    const whole = one(Math.floor(spent / size), large);
    return rest === 0 && round ? whole : `${whole} ${said(rest, small, locale, "narrow", 0, 2)}`;
  };
  const spent = Math.max(0, ms);
  if (spent < SECOND) return one(Math.round(spent), "millisecond");
  // Digits are dropped, not rounded: 59.96 seconds are not a minute.
  if (spent < 10 * SECOND) {
    const tenths = Math.floor(spent / 100) / 10;
    return one(tenths, "second", round && Number.isInteger(tenths) ? 0 : 1);
  }
  if (spent < MINUTE) return one(Math.floor(spent / SECOND), "second");
  if (spent < HOUR) return two("minute", MINUTE, "second", SECOND);
  return spent < DAY ? two("hour", HOUR, "minute", MINUTE) : two("day", DAY, "hour", HOUR);
}

/** What is left: `about 2 min left, 1 to 3 min`. Only as exact as it can be known. */
export function formatEta(
  { ms, lowMs, highMs }: Eta,
  options: FormatOptions & { readonly words?: Pick<Words, "left" | "leftBetween" | "almostDone"> } = {},
): string {
  const { words = ENGLISH } = options;
  const locale = localeOf(options);
  if (ms < SECOND) return words.almostDone;
  const middle = rough(ms);
  const [low, high] = [rough(lowMs ?? ms), rough(highMs ?? ms)];
  const whole = (time: Rough): string => said(time.value, time.unit, locale, "short", time.digits);
  if (low.value === high.value && low.unit === high.unit) return words.left(whole(middle));
  const number = numbers(locale, { minimumFractionDigits: low.digits, maximumFractionDigits: low.digits }).format(low.value);
  return words.leftBetween(whole(middle), low.unit === high.unit ? number : whole(low), whole(high));
}

interface Rough {
  readonly value: number;
  readonly unit: Unit;
  readonly digits: number;
}

/** A time as a person would say it. */
function rough(ms: number): Rough {
  if (ms < 57.5 * SECOND) {
    const seconds = Math.max(1, ms / SECOND);
    return { value: seconds < 10 ? Math.round(seconds) : 5 * Math.round(seconds / 5), unit: "second", digits: 0 };
  }
  if (ms < 90 * MINUTE) return { value: Math.max(1, Math.round(ms / MINUTE)), unit: "minute", digits: 0 };
  const [value, unit] = ms < 36 * HOUR ? ([ms / HOUR, "hour"] as const) : ([ms / DAY, "day"] as const);
  const halves = Math.round(2 * value) / 2;
  if (halves >= 10 || Number.isInteger(halves)) return { value: Math.round(value), unit, digits: 0 };
  return { value: halves, unit, digits: 1 };
}

/** How a time is said. */
export interface TimeOptions extends FormatOptions {
  /** An IANA name; that of the reader's machine unless said. */
  readonly timeZone?: string | undefined;
  /** The time of day (`14:05:09`), with its date (`21 Nov, 14:05:09`; what is said unless told), or with everything (`21 November 2026 at 14:05:09 UTC`). */
  readonly show?: "time" | "date" | "all" | undefined;
}

/** A point in time, which is RFC 3339 or milliseconds since 1970. What is no time is given back as it is. */
export function formatTime(at: string | number, options: TimeOptions = {}): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return String(at);
  const zone = options.timeZone === undefined ? {} : { timeZone: options.timeZone };
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", ...zone };
  return times(localeOf(options), { ...clock, ...DATES[options.show ?? "date"] }).format(date);
}

const DATES: Readonly<Record<NonNullable<TimeOptions["show"]>, Intl.DateTimeFormatOptions>> = {
  time: {},
  date: { day: "numeric", month: "short" },
  all: { day: "numeric", month: "long", year: "numeric", timeZoneName: "short" },
};
