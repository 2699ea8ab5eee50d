// A batch's past: its log, read once and kept up with, and what it cost at each moment.

import { Replay, type JobRecord, type RecordPage } from "@headway/client";
import type { JobDocument } from "@headway/react";

import { CostHistory, type CostAt } from "../model/cost_history.ts";

/** The most records that are read. A batch writes a few in a second, so that this is more than an hour of the busiest. */
const MOST_RECORDS = 20_000;
const PAGE = 1_000;

export interface PastState {
  /** `partial` when there are more records than are read here: what is there is the oldest part. */
  readonly status: "unread" | "reading" | "read" | "partial" | "failed";
  /** Records that are here. */
  readonly records: number;
  readonly error: unknown;
  readonly replay: Replay | undefined;
}

export type ReadRecords = (after: string | undefined, limit: number, signal: AbortSignal) => Promise<RecordPage>;

/** Reads the log page by page; in between, what the watch sees is taken into the costs. */
export class Past {
  readonly #read: ReadRecords;
  readonly #listeners = new Set<() => void>();
  readonly #logged = new CostHistory();
  readonly #watched = new CostHistory();
  #state: PastState = { status: "unread", records: 0, error: undefined, replay: undefined };
  #costs: readonly CostAt[] = [];
  #replay: Replay | undefined;
  #cursor: string | undefined;
  #reading: AbortController | undefined;

  constructor(read: ReadRecords) {
    this.#read = read;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  readonly state = (): PastState => this.#state;

  readonly costs = (): readonly CostAt[] => this.#costs;

  /** The document that the watch holds now. */
  see(job: JobDocument): void {
    this.#watched.add(Date.parse(job.updated_at), job.cost);
    this.#tell();
  }

  /** Reads the log, or what has come to it since it was read. `now` is what a log without its beginning begins with. */
  async catchUp(now: JobDocument): Promise<void> {
    if (this.#reading !== undefined || this.#state.status === "partial") return;
    const reading = new AbortController();
    this.#reading = reading;
    this.#replay ??= new Replay({ document: now });
    this.#become({ ...this.#state, status: "reading", error: undefined });
    try {
      for (;;) {
        const page = await this.#read(this.#cursor, PAGE, reading.signal);
        this.#add(page.records);
        this.#cursor = page.records.at(-1)?.cursor ?? this.#cursor;
        const full = this.#replay.length >= MOST_RECORDS;
        const more = page.next !== undefined && page.next !== null && page.records.length > 0;
        if (!more || full) {
          this.#reading = undefined;
          this.#become({ status: more ? "partial" : "read", records: this.#replay.length, error: undefined, replay: this.#replay });
          return;
        }
        this.#become({ status: "reading", records: this.#replay.length, error: undefined, replay: this.#state.replay });
      }
    } catch (error) {
      if (this.#reading !== reading) return;
      this.#reading = undefined;
      this.#become({ ...this.#state, status: "failed", error });
    }
  }

  stop(): void {
    const reading = this.#reading;
    this.#reading = undefined;
    reading?.abort();
  }

  #add(records: readonly JobRecord[]): void {
    const replay = this.#replay;
    if (replay === undefined) return;
    const from = replay.length;
    replay.add(records);
    for (let place = from; place < replay.length; place += 1) {
      this.#logged.add(replay.times[place] ?? 0, replay.document(place)?.cost);
    }
  }

  #become(state: PastState): void {
    this.#state = state;
    this.#tell();
  }

  #tell(): void {
    const last = this.#logged.moments.at(-1)?.at ?? Number.NEGATIVE_INFINITY;
    this.#costs = [...this.#logged.moments, ...this.#watched.moments.filter(({ at }) => at > last)];
    for (const listener of [...this.#listeners]) listener();
  }
}
