// What an estimate means.

import type { Estimate, EstimateMethod } from "@headway/client";

export const METHOD_WORDS: Readonly<Record<EstimateMethod, string>> = {
  per_item: "From what each item says it will use.",
  declared: "From what the batch or its kind says an item uses.",
  history: "From finished batches of this kind.",
  none: "Nothing says what an item costs: neither the items, nor the kind, nor an earlier batch.",
};

export interface EstimateBar {
  /** Places in percent of the bar. */
  readonly from: number;
  readonly length: number;
  readonly mid: number;
  readonly budget: number | undefined;
  /** Whether the budget is enough for the whole range, for a part of it, or for none. */
  readonly verdict: "within" | "perhaps" | "over" | undefined;
}

/** An estimate and a budget on one scale; `undefined` when there is nothing to draw. */
export function estimateBar({ low, mid, high }: Pick<Estimate, "low" | "mid" | "high">, budget: string | undefined): EstimateBar | undefined {
  const [from, middle, to] = [Number(low), Number(mid), Number(high)];
  const limit = budget === undefined ? undefined : Number(budget);
  const scale = Math.max(to, limit ?? 0) * 1.08;
  if (!(scale > 0)) return undefined;
  const place = (amount: number): number => (100 * amount) / scale;
  return {
    from: place(from), length: Math.max(1, place(to) - place(from)), mid: place(middle),
    budget: limit === undefined ? undefined : place(limit),
    verdict: limit === undefined ? undefined : from > limit ? "over" : to > limit ? "perhaps" : "within",
  };
}
