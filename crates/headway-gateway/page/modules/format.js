// Numbers, times and money as people read them, in the browser's own language.

export const whole = new Intl.NumberFormat();
export const tenth = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
export const percentFormat = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
export const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
export const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  if (minutes < 90) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const moneyFormats = new Map();

/** The format of a currency's amounts; `null` for one that the browser does not know. */
function moneyFormat(currency, digits) {
  const key = `${currency}${digits}`;
  if (!moneyFormats.has(key)) {
    let format = null;
    try {
      format = new Intl.NumberFormat(undefined, {
        style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: digits,
      });
    } catch {
      // Shown as a number and a word.
    }
    moneyFormats.set(key, format);
  }
  return moneyFormats.get(key);
}

/** An amount; the smaller it is, the more digits. */
export function money(amount, currency) {
  const size = Math.abs(Number(amount));
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  return moneyFormat(currency, digits)?.format(Number(amount)) ?? `${amount} ${currency}`;
}

export function rateOf(progress, isBatch) {
  const unit = progress.unit ?? (isBatch ? "items" : progress.total == null ? "%" : "units");
  if (progress.rate >= 1) return [tenth.format(progress.rate), `${unit}/s`];
  if (progress.rate * 60 >= 1) return [tenth.format(progress.rate * 60), `${unit}/min`];
  return [tenth.format(progress.rate * 3600), `${unit}/h`];
}

export const titleOf = (job) => job.name ?? job.kind;

export function brief(value, length = 160) {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
