// The platform's formatters, made once: each costs more than what it formats.

const made = new Map<string, unknown>();

/** One formatter for each set of settings. Settings come from code, never from data, so that there are few. */
function one<Formatter>(kind: string, locale: string, settings: object, make: () => Formatter): Formatter {
  const key = JSON.stringify([kind, locale, settings]);
  const present = made.get(key) as Formatter | undefined;
  if (present !== undefined) return present;
  const formatter = make();
  made.set(key, formatter);
  return formatter;
}

export function numbers(locale: string, settings: Intl.NumberFormatOptions): Intl.NumberFormat {
  return one("number", locale, settings, () => new Intl.NumberFormat(locale, settings));
}

export function times(locale: string, settings: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return one("time", locale, settings, () => new Intl.DateTimeFormat(locale, settings));
}
