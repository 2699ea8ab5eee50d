// Counts, shares, rates and amounts for people.

import { ENGLISH, type Words } from "../words/words.ts";
import { numbers } from "./formatters.ts";

/** How something is said. */
export interface FormatOptions {
  /** A BCP 47 tag; English unless said. */
  readonly locale?: string | undefined;
}

const ENGLISH_LOCALE = "en";

/** The locale of a format. */
export function localeOf({ locale }: FormatOptions): string {
  return locale ?? ENGLISH_LOCALE;
}

/** A whole number: `1,234,567`, or `1.2M` when it is to be short. */
export function formatCount(count: number, options: FormatOptions & { readonly short?: boolean } = {}): string {
  const short = options.short === true && Math.abs(count) >= 10_000;
  const settings: Intl.NumberFormatOptions = short ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: 2 };
  return numbers(localeOf(options), settings).format(count);
}

/** A share of 0 to 100: `42%`. It is rounded down, so that only what is done is 100%. */
export function formatPercent(percent: number, options: FormatOptions & { readonly digits?: 0 | 1 } = {}): string {
  const { digits = 0 } = options;
  const scale = 10 ** digits;
  // A millionth forgives what fractions of two cannot say: 0.29 · 100 is a little less than 29.
  const down = Math.floor(percent * scale + 1e-6) / scale;
  const settings: Intl.NumberFormatOptions = { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return numbers(localeOf(options), settings).format(down / 100);
}

/** Units per second: `12.3/s`, and what is slow per minute or hour: `4.2/min`. */
export function formatRate(
  perSecond: number,
  options: FormatOptions & { readonly words?: Pick<Words, "perSecond" | "perMinute" | "perHour"> } = {},
): string {
  const { words = ENGLISH } = options;
  const number = (rate: number): string => {
    const digits = rate >= 99.95 || rate === 0 ? 0 : 1;
    return numbers(localeOf(options), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(rate);
  };
  if (perSecond === 0 || perSecond >= 0.95) return words.perSecond(number(perSecond));
  if (perSecond * 60 >= 0.95) return words.perMinute(number(perSecond * 60));
  return words.perHour(number(perSecond * 3_600));
}

/** An amount of money, from a decimal string: `$6.21`. What is less than one has two digits that are not zero: `$0.0042`. */
export function formatAmount(amount: string | number, currency: string, options: FormatOptions = {}): string {
  const value = Number(amount);
  const size = Math.abs(value);
  // Digits behind the point; an amount has at most nine.
  const digits = size === 0 || size >= 1 ? 2 : Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(size))));
  const digitsOnly: Intl.NumberFormatOptions = { minimumFractionDigits: 2, maximumFractionDigits: digits };
  const locale = localeOf(options);
  // The platform knows codes of three letters; a server may count in others, such as `CREDITS`.
  if (!/^[A-Z]{3}$/.test(currency)) return `${numbers(locale, digitsOnly).format(value)} ${currency}`;
  return numbers(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...(digits > 2 && digitsOnly) }).format(value);
}
