// A job's past, played: which moment is shown, and how it goes on.
//
// **Invariants:** the moment is never outside of what was read; playing stops at the end. Time is an
// argument.

import { Replay, type JobDocument, type JobRecord } from "@headway/client";

import { marksOf, type Mark } from "./marks.ts";

/** How much faster than it was; `fit` plays all of it in `FIT_MS`. */
export type Speed = 1 | 4 | 16 | "fit";

/** How long all of it takes at the speed `fit`, in milliseconds. */
export const FIT_MS = 15_000;

export interface PlayerView {
  /** The first and the last moment, in milliseconds since 1970; `undefined` before anything was read. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  /** The moment that is shown. */
  readonly at: number;
  readonly playing: boolean;
  readonly speed: Speed;
  readonly marks: readonly Mark[];
  /** The job at that moment. */
  readonly document: JobDocument | undefined;
  /** How many changes were read. */
  readonly records: number;
  /** Whether its beginning is there. */
  readonly whole: boolean;
}

export class Player {
  #replay: Replay;
  #records: JobRecord[] = [];
  #marks: readonly Mark[] = [];
  #at: number | undefined;
  #playing = false;
  #speed: Speed = "fit";

  /** `now`: the job as it is, for what a log that was cut does not tell. */
  constructor(now: JobDocument | undefined) {
    this.#replay = new Replay({ document: now });
  }

  view(): PlayerView {
    const { from, to } = this.#replay;
    const at = this.#moment();
    return {
      from, to, at, playing: this.#playing, speed: this.#speed, marks: this.#marks, records: this.#records.length,
      // The log says nothing of the time before it: the first document stands for it.
      document: this.#replay.at(at) ?? this.#replay.document(0),
      whole: this.#replay.whole,
    };
  }

  /** The cursor after which the next records are asked for. */
  get cursor(): string | undefined {
    return this.#records.at(-1)?.cursor;
  }

  /** Takes more of the past, in order. Whoever is at the end stays where they are. */
  add(records: readonly JobRecord[]): void {
    this.#replay.add(records);
    this.#records = [...this.#records, ...records];
    this.#marks = marksOf(this.#records);
    this.#at ??= this.#replay.to;
  }

  seek(moment: number): void {
    this.#at = moment;
  }

  /** To the change before (-1) or after (1) the moment. */
  step(direction: 1 | -1): void {
    const { times } = this.#replay;
    const at = this.#moment();
    this.#playing = false;
    const next = direction === 1 ? times.find((time) => time > at) : times.findLast((time) => time < at);
    if (next !== undefined) this.#at = next;
  }

  /** Plays, from the beginning when it is at the end; or stands still. */
  toggle(): void {
    const { from, to } = this.#replay;
    if (from === undefined || to === undefined) return;
    this.#playing = !this.#playing;
    if (this.#playing && this.#moment() >= to) this.#at = from;
  }

  setSpeed(speed: Speed): void {
    this.#speed = speed;
  }

  /** Lets so many milliseconds go by. */
  advance(milliseconds: number): void {
    const { from, to } = this.#replay;
    if (!this.#playing || from === undefined || to === undefined) return;
    const factor = this.#speed === "fit" ? Math.max(1, to - from) / FIT_MS : this.#speed;
    this.#at = this.#moment() + milliseconds * factor;
    if (this.#at >= to) {
      this.#at = to;
      this.#playing = false;
    }
  }

  #moment(): number {
    const { from, to } = this.#replay;
    return Math.min(to ?? 0, Math.max(from ?? 0, this.#at ?? to ?? 0));
  }
}
