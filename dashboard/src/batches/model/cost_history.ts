// What a batch had cost at each moment, kept small however long it runs.

import type { Cost } from "@headway/client";

/** What was known of the cost at a moment. */
export interface CostAt {
  readonly at: number;
  readonly spent: number;
  readonly forecast: number | undefined;
  readonly low: number | undefined;
  readonly high: number | undefined;
}

/** More moments than a plot has pixels tell nothing more. */
const MOST = 480;

const amount = (text: string | null | undefined): number | undefined => {
  if (text === null || text === undefined) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
};

/**
 * Keeps the newest moment of each span; when there are too many, spans double. So the length is
 * bounded and a long history keeps its shape.
 */
export class CostHistory {
  #moments: CostAt[] = [];
  #spanMs = 0;

  /** The moments, ascending. The array is another one after each change. */
  get moments(): readonly CostAt[] {
    return this.#moments;
  }

  /** Takes note of a cost. What is older than the newest is passed over. */
  add(at: number, cost: Readonly<Cost> | null | undefined): void {
    const spent = amount(cost?.spent);
    if (cost === null || cost === undefined || spent === undefined || !Number.isFinite(at)) return;
    const moment: CostAt = {
      at, spent,
      forecast: amount(cost.forecast),
      low: amount(cost.forecast_low) ?? amount(cost.forecast),
      high: amount(cost.forecast_high) ?? amount(cost.forecast),
    };
    const last = this.#moments.at(-1);
    if (last !== undefined && at < last.at) return;
    // The first stays, unless it is of the same moment.
    const replaces = last !== undefined && (last.at === at || (this.#moments.length > 1 && this.#span(at) === this.#span(last.at)));
    this.#moments = replaces ? [...this.#moments.slice(0, -1), moment] : [...this.#moments, moment];
    if (this.#moments.length > MOST) this.#thin();
  }

  /** Several at once, in order; cheaper than one by one. */
  addAll(entries: Iterable<{ readonly at: number; readonly cost: Readonly<Cost> | null | undefined }>): void {
    for (const { at, cost } of entries) this.add(at, cost);
  }

  #span(at: number): number {
    return this.#spanMs === 0 ? at : Math.floor(at / this.#spanMs);
  }

  #thin(): void {
    const first = this.#moments[0];
    const last = this.#moments.at(-1);
    if (first === undefined || last === undefined) return;
    while (this.#moments.length > MOST / 2) {
      this.#spanMs = this.#spanMs === 0 ? Math.max(1, Math.ceil((last.at - first.at) / MOST)) : this.#spanMs * 2;
      this.#moments = this.#moments.filter((moment, place, all) => {
        const next = all[place + 1];
        // The first stays: it says where the line begins.
        return place === 0 || next === undefined || this.#span(next.at) !== this.#span(moment.at);
      });
    }
  }
}

/**
 * Where the axis of a cost ends: so that what is spent, the budget and the newest forecast fit. A first
 * forecast from a few items can reach far above, and would press everything else to the floor.
 */
export function ceiling({ spent, budget, soft_budget: soft, forecast, forecast_high: high }: Readonly<Cost>): number {
  const most = Math.max(amount(spent) ?? 0, amount(high) ?? 0, amount(forecast) ?? 0, amount(soft) ?? 0);
  const limit = amount(budget) ?? 0;
  // A budget far above everything is told in words, and its line is left out.
  return (limit > 0 && limit <= 4 * most ? Math.max(most, limit) : most > 0 ? most : limit) * 1.1;
}
