// What a batch had cost at each moment: from its log, read once, and from what the watch has seen since.

import type { Cost, JobRecord, RecordPage } from "@headway/client";
import type { JobDocument } from "@headway/react";

import { CostHistory, type CostAt } from "../model/cost_history.ts";

const PAGE = 1_000;
/** The most pages that are read. A batch writes a few records in a second, so that this is hours of a busy one. */
const PAGES = 60;

export interface CostPastState {
  readonly moments: readonly CostAt[];
  readonly reading: boolean;
  /** Whether the log goes on behind what was read of it. */
  readonly cut: boolean;
  readonly error: unknown;
}

export type ReadRecords = (after: string | undefined, limit: number, signal: AbortSignal) => Promise<Pick<RecordPage, "records" | "next">>;

export class CostPast {
  readonly #read: ReadRecords;
  readonly #listeners = new Set<() => void>();
  readonly #logged = new CostHistory();
  readonly #watched = new CostHistory();
  #state: CostPastState = { moments: [], reading: false, cut: false, error: undefined };
  #cost: Partial<Cost> | undefined;
  #cursor: string | undefined;
  #asking: AbortController | undefined;

  constructor(read: ReadRecords) {
    this.#read = read;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly getSnapshot = (): CostPastState => this.#state;

  /** The document that the watch holds now. */
  see(job: Pick<JobDocument, "updated_at" | "cost">): void {
    this.#watched.add(Date.parse(job.updated_at), job.cost);
    this.#become({});
  }

  /** Reads the log to its end, or on from where it broke off. */
  readonly read = async (): Promise<void> => {
    if (this.#asking !== undefined) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.#become({ reading: true, error: undefined });
    try {
      let next: unknown = undefined;
      for (let pages = 0; pages < PAGES; pages += 1) {
        const page = await this.#read(this.#cursor, PAGE, asking.signal);
        if (this.#asking !== asking) return;
        for (const record of page.records) this.#take(record);
        this.#cursor = page.records.at(-1)?.cursor ?? this.#cursor;
        next = page.records.length === 0 ? undefined : (page.next ?? undefined);
        this.#become({});
        if (next === undefined) break;
      }
      this.#become({ reading: false, cut: next !== undefined });
    } catch (error) {
      if (this.#asking === asking) this.#become({ reading: false, error });
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  };

  stop(): void {
    const asking = this.#asking;
    this.#asking = undefined;
    asking?.abort();
  }

  /** A record's patch changes the cost, whose members are no objects. */
  #take({ at, patch }: JobRecord): void {
    const { cost } = patch as { readonly cost?: Readonly<Record<string, unknown>> | null };
    if (cost === undefined) return;
    const members = Object.entries({ ...this.#cost, ...cost }).filter(([, value]) => value !== null);
    this.#cost = cost === null ? undefined : Object.fromEntries(members);
    if (typeof this.#cost?.spent === "string") this.#logged.add(Date.parse(at), { currency: "", ...this.#cost, spent: this.#cost.spent });
  }

  #become(change: Partial<CostPastState>): void {
    const last = this.#logged.moments.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    const moments = [...this.#logged.moments, ...this.#watched.moments.filter(({ at }) => at > last)];
    this.#state = { ...this.#state, ...change, moments };
    for (const listener of [...this.#listeners]) listener();
  }
}
