// Few, round marks on an axis, and what they say.

import { scaleLinear, scaleTime } from "d3-scale";

export interface Tick {
  readonly at: number;
  readonly label: string;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

/** The room that a mark on the time axis takes with the space around it, in pixels. */
const TIME_TICK_WIDTH = 92;

/** Marks of a time axis, as many as have room. */
export function timeTicks(from: number, to: number, width: number, locale?: string): readonly Tick[] {
  if (!(to > from) || width <= 0) return [];
  const count = Math.max(2, Math.floor(width / TIME_TICK_WIDTH));
  const times = roundTimes(from, to, count);
  const [first, second] = times;
  const format = timeFormat(first === undefined || second === undefined ? to - from : second - first, locale);
  return times.map((at) => ({ at, label: format(at) }));
}

/** Round times, at most `count` of them, and at least two where there are two. */
function roundTimes(from: number, to: number, count: number): readonly number[] {
  const scale = scaleTime().domain([from, to]);
  // The scale takes a count as a wish: it can give twice as many, or one.
  const found = [count, count - 1, count - 2, count - 3, count / 2, count / 4].map((wish) => scale.ticks(Math.max(1, wish)));
  const fits = found.find((dates) => dates.length <= count && dates.length > 1);
  if (fits !== undefined) return fits.map((date) => date.getTime());
  const many = scale.ticks(count + 1);
  const every = Math.ceil(many.length / count);
  return many.filter((_, place) => place % every === 0).map((date) => date.getTime());
}

/** Says times that are so far apart, without what they have in common. */
function timeFormat(step: number, locale: string | undefined): (at: number) => string {
  const options: Intl.DateTimeFormatOptions =
    step >= DAY ? { day: "numeric", month: "short" }
    : step >= MINUTE ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
    : step >= SECOND ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }
    : { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 1, hourCycle: "h23" };
  const format = new Intl.DateTimeFormat(locale, options);
  return (at) => format.format(at);
}

/** Says one moment of a span so long: the day is told where it is not clear. */
export function momentFormat(span: number, locale?: string): (at: number) => string {
  const format = new Intl.DateTimeFormat(locale, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    ...(span >= DAY && { day: "numeric", month: "short" }),
  });
  return (at) => format.format(at);
}

/** Marks from zero to the first round one that is not below `max`; the last is the end of the axis. */
export function valueTicks(max: number, count: number): readonly number[] {
  const top = max > 0 && Number.isFinite(max) ? max : 1;
  return scaleLinear().domain([0, top]).nice(count).ticks(count);
}
