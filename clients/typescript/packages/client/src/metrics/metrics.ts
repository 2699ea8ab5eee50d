// The counters of a node at one moment, and what follows from them.

import { number, readFamilies, type Family, type Sample } from "./read.ts";

/** Labels that a sample must have; others are added up. */
export type Labels = Readonly<Record<string, string>>;

/** What is asked of a histogram. */
export interface QuantileOptions {
  /** Only samples with these labels. */
  readonly labels?: Labels | undefined;
  /** An earlier reading: then only what was measured between the two counts. */
  readonly since?: Metrics | undefined;
}

export class Metrics {
  /** Everything that was measured, by name. */
  readonly families: ReadonlyMap<string, Family>;

  constructor(families: ReadonlyMap<string, Family>) {
    this.families = families;
  }

  /** Reads the text of OpenMetrics. */
  static parse(text: string): Metrics {
    return new Metrics(readFamilies(text));
  }

  /** The sum of a counter's or gauge's samples that have these labels; `undefined` when there is none. */
  value(name: string, labels: Labels = {}): number | undefined {
    const family = this.families.get(name);
    const found = this.#samples(name, labels).filter((sample) => sample.name === name || (family?.type === "counter" && sample.name === `${name}_total`));
    return found.length === 0 ? undefined : found.reduce((sum, { value }) => sum + value, 0);
  }

  /** How many values a histogram holds. */
  count(name: string, { labels = {}, since }: QuantileOptions = {}): number {
    const total = this.#samples(name, labels).filter((sample) => sample.name === `${name}_count`).reduce((sum, { value }) => sum + value, 0);
    const before = since?.count(name, { labels }) ?? 0;
    return total < before ? total : total - before;
  }

  /**
   * The value that a share of a histogram's values does not pass, 0 to 1, in the histogram's unit;
   * `undefined` when it holds none. Within a bucket values are taken to be spread evenly, and those above
   * the last bound count as that bound, as Prometheus's `histogram_quantile` does.
   */
  quantile(name: string, share: number, { labels = {}, since }: QuantileOptions = {}): number | undefined {
    const now = this.#buckets(name, labels);
    const before = since === undefined ? new Map<number, number>() : since.#buckets(name, labels);
    // A node that was started again counts from zero.
    const restarted = [...now].some(([bound, count]) => count < (before.get(bound) ?? 0));
    const buckets = [...now].map(([bound, count]) => ({ bound, count: restarted ? count : count - (before.get(bound) ?? 0) }));
    buckets.sort((a, b) => a.bound - b.bound);
    const total = buckets.at(-1)?.count ?? 0;
    if (total <= 0 || !(share >= 0 && share <= 1)) return undefined;
    const rank = share * total;
    let [lower, below] = [0, 0];
    for (const { bound, count } of buckets) {
      if (count >= rank && count > below) {
        if (!isBound(bound)) return lower;
        return lower + ((bound - lower) * Math.max(rank - below, 0)) / (count - below);
      }
      if (isBound(bound)) lower = bound;
      below = count;
    }
    return lower;
  }

  #samples(name: string, labels: Labels): readonly Sample[] {
    const wanted = Object.entries(labels);
    return (this.families.get(name)?.samples ?? []).filter((sample) => wanted.every(([label, value]) => sample.labels[label] === value));
  }

  /** How many values are at most each bound, over all samples. */
  #buckets(name: string, labels: Labels): ReadonlyMap<number, number> {
    const buckets = new Map<number, number>();
    for (const sample of this.#samples(name, labels)) {
      const bound = sample.name === `${name}_bucket` ? number(sample.labels["le"] ?? "") : undefined;
      if (bound !== undefined) buckets.set(bound, (buckets.get(bound) ?? 0) + sample.value);
    }
    return buckets;
  }
}

/** Whether a bucket has an end: some writers put the largest number where infinity is meant. */
function isBound(bound: number): boolean {
  return bound < Number.MAX_VALUE;
}
