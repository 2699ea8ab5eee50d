// What somebody has filled in for a new batch, and the request that it makes.

import type { BatchOptions, Executor, OnBudget, OnFailure } from "@headway/client";

/** Every field as it was typed. */
export interface Draft {
  readonly runBy: "kind" | "executor";
  readonly kind: string;
  /** JSON. */
  readonly executor: string;
  readonly name: string;
  readonly session: string;
  /** Separated by commas. */
  readonly tags: string;
  readonly concurrency: string;
  readonly rateCount: string;
  readonly ratePer: "second" | "minute" | "hour";
  readonly maxAttempts: string;
  readonly timeoutSeconds: string;
  readonly maxBudget: string;
  readonly softBudget: string;
  readonly onBudget: OnBudget;
  readonly onFailure: OnFailure;
  readonly start: boolean;
}

export const EMPTY_DRAFT: Draft = {
  runBy: "kind", kind: "", executor: "", name: "", session: "", tags: "", concurrency: "", rateCount: "", ratePer: "second",
  maxAttempts: "", timeoutSeconds: "", maxBudget: "", softBudget: "", onBudget: "pause", onFailure: "continue", start: true,
};

/** Places of the form, by the names that the server gives them in a refusal. */
export type Place =
  | "file" | "kind" | "executor" | "name" | "session" | "tags" | "concurrency" | "rate" | "retry" | "timeout_ms"
  | "budget.max_budget" | "budget.soft_budget";

export type Complaints = Partial<Readonly<Record<Place, string>>>;

/** The request, or what is wrong in which place. */
export type Made =
  | { readonly options: BatchOptions; readonly complaints?: undefined }
  | { readonly options?: undefined; readonly complaints: Complaints };

const PER_MS = { second: 1_000, minute: 60_000, hour: 3_600_000 } as const;

/** What was left empty is not said: the kind's settings stand there. */
export function batchOptions(draft: Draft): Made {
  const complaints: Partial<Record<Place, string>> = {};
  const whole = (place: Place, text: string, from: number, to: number): number | undefined => {
    const typed = text.trim();
    if (typed === "") return undefined;
    const value = /^\d+$/u.test(typed) ? Number(typed) : Number.NaN;
    if (value >= from && value <= to) return value;
    complaints[place] = `Give a whole number from ${from.toLocaleString()} to ${to.toLocaleString()}, or leave it empty.`;
    return undefined;
  };
  const money = (place: Place, text: string): string | undefined => {
    const typed = text.trim();
    if (typed === "") return undefined;
    if (/^\d{1,12}(?:\.\d{1,9})?$/u.test(typed)) return typed;
    complaints[place] = "Give an amount such as 25 or 2.50, or leave it empty.";
    return undefined;
  };
  const executor = draft.runBy === "executor" ? executorOf(draft.executor) : undefined;
  if (typeof executor === "string") complaints.executor = executor;
  if (draft.runBy === "kind" && draft.kind === "") complaints.kind = "Choose what runs the items.";
  const tags = draft.tags.split(",").map((tag) => tag.trim()).filter((tag) => tag !== "");
  if (tags.length > 32) complaints.tags = "A batch has at most 32 tags.";
  if (tags.some((tag) => tag.length > 128)) complaints.tags = "A tag has at most 128 characters.";
  const concurrency = whole("concurrency", draft.concurrency, 1, 10_000);
  const rate = whole("rate", draft.rateCount, 1, 1_000_000);
  const attempts = whole("retry", draft.maxAttempts, 1, 100);
  const seconds = secondsOf(draft.timeoutSeconds);
  if (seconds === null) complaints.timeout_ms = "Give seconds, such as 30 or 0.5, or leave it empty.";
  const most = money("budget.max_budget", draft.maxBudget);
  const soft = money("budget.soft_budget", draft.softBudget);
  if (soft !== undefined && most === undefined && complaints["budget.max_budget"] === undefined) {
    complaints["budget.max_budget"] = "A warning needs a budget: give one, or take the warning away.";
  }
  if (soft !== undefined && most !== undefined && Number(soft) > Number(most)) {
    complaints["budget.soft_budget"] = "The warning comes before the budget: give a smaller amount.";
  }
  if (Object.keys(complaints).length > 0) return { complaints };
  return {
    options: {
      ...(draft.runBy === "kind" && { kind: draft.kind }),
      ...(executor !== undefined && typeof executor !== "string" && { executor }),
      ...(draft.name.trim() !== "" && { name: draft.name.trim() }),
      ...(draft.session.trim() !== "" && { session: draft.session.trim() }),
      ...(tags.length > 0 && { tags }),
      ...(concurrency !== undefined && { concurrency }),
      ...(rate !== undefined && { rate: { count: rate, per_ms: PER_MS[draft.ratePer] } }),
      ...(attempts !== undefined && { retry: { max_attempts: attempts } }),
      ...(typeof seconds === "number" && { timeout_ms: Math.round(seconds * 1_000) }),
      ...(most !== undefined && {
        budget: { max_budget: most, on_budget: draft.onBudget, ...(soft !== undefined && { soft_budget: soft }) },
      }),
      on_failure: draft.onFailure,
      ...(!draft.start && { start: false }),
    },
  };
}

/** The executor that a text is, or what is wrong with it. */
export function executorOf(text: string): Executor | string {
  if (text.trim() === "") return "Write an executor as JSON, or choose a kind.";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : "it cannot be read"}.`;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "An executor is an object, such as {\"type\": \"http\", …}.";
  const { type, url, argv } = value as Readonly<Record<string, unknown>>;
  if (type === "http") {
    if (typeof url !== "string" || !/^https?:\/\//iu.test(url)) return 'Give "url", an address that begins with http:// or https://.';
    return value as Executor;
  }
  if (type === "command") {
    if (!Array.isArray(argv) || argv.length === 0 || !argv.every((word) => typeof word === "string")) {
      return 'Give "argv", the program and its arguments as a list of texts.';
    }
    return value as Executor;
  }
  return 'Give "type": "http" or "command".';
}

const PLACES: readonly Place[] = [
  "file", "kind", "executor", "name", "session", "tags", "concurrency", "rate", "retry", "timeout_ms", "budget.max_budget", "budget.soft_budget",
];

/** Where in the form a refusal belongs; `undefined` for none of its places. */
export function placeOf(field: string | null | undefined): Place | undefined {
  if (field === null || field === undefined) return undefined;
  const name = field.replace(/^options\./u, "");
  const exact = PLACES.find((place) => place === name);
  if (exact !== undefined) return exact;
  if (name === "budget") return "budget.max_budget";
  return PLACES.find((place) => name.startsWith(`${place}.`) || name.startsWith(`${place}[`));
}

/** Seconds; `undefined` for nothing, `null` for what is no number of seconds. */
function secondsOf(text: string): number | null | undefined {
  const typed = text.trim();
  if (typed === "") return undefined;
  const value = /^\d+(?:\.\d+)?$/u.test(typed) ? Number(typed) : 0;
  return value >= 0.001 ? value : null;
}
