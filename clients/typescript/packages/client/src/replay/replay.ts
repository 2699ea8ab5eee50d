// A job's past, played again from the records of its log: which document it had, and when.

import type { JobDocument } from "../document/job.ts";
import { isObject, own, type Json } from "../document/json.ts";
import { merge } from "../document/merge.ts";
import type { JobRecord } from "../protocol/generated/contract.ts";

/** So many records are folded at most to make one document: the one before them is kept. */
const KEYFRAME = 64;

/**
 * The documents of one job, by time. Add its records in order, those of a job that is still running as
 * they come.
 *
 * **Invariant:** a document is the fold of all records up to it, whatever was asked for before.
 */
export class Replay {
  readonly #now: JobDocument | undefined;
  readonly #records: JobRecord[] = [];
  /** When each record happened, in milliseconds since 1970; a clock that was set back does not go back here. */
  readonly #times: number[] = [];
  /** The documents after every `KEYFRAME`th record, as far as somebody asked. */
  #keyframes: Json[] = [];
  /** The document that was asked for last: the next one is mostly a few records on. */
  #last: { readonly place: number; readonly document: Json } | undefined;
  #beginning: Json | undefined;

  /**
   * `document`: the job as it is now. Only a log whose beginning is gone needs it: what no record
   * changed since then is taken from there.
   */
  constructor({ document }: { readonly document?: JobDocument | undefined } = {}) {
    this.#now = document;
  }

  /** How many records it holds. */
  get length(): number {
    return this.#records.length;
  }

  /** Whether the job's first record is there. Otherwise its log has forgotten its beginning. */
  get whole(): boolean {
    const patch = this.#records[0]?.patch;
    return isObject(patch) && typeof patch["id"] === "string";
  }

  /** When the first record happened, in milliseconds since 1970; `undefined` when there is none. */
  get from(): number | undefined {
    return this.#times[0];
  }

  /** When the last record happened. */
  get to(): number | undefined {
    return this.#times.at(-1);
  }

  /** When each record happened, oldest first. */
  get times(): readonly number[] {
    return this.#times;
  }

  /**
   * Adds records that follow those it holds. What it holds already is passed over; a `RangeError` says
   * that some in between are missing.
   */
  add(records: Iterable<JobRecord>): void {
    const known = new Set(this.#records.map(({ cursor }) => cursor));
    for (const record of records) {
      if (known.has(record.cursor)) continue;
      const held = this.#records.at(-1)?.cursor;
      if (held !== undefined && record.prev !== held) {
        throw new RangeError(`the record ${record.cursor} follows ${record.prev}, and ${held} is the last one held: add those in between first`);
      }
      known.add(record.cursor);
      this.#records.push(record);
      this.#times.push(Math.max(Date.parse(record.at), this.#times.at(-1) ?? -Infinity));
    }
    // What is taken from the present changes with each record that is known to have changed it.
    if (this.#now === undefined || this.whole) return;
    this.#beginning = undefined;
    this.#keyframes = [];
    this.#last = undefined;
  }

  /** The document at a time in milliseconds since 1970; `undefined` before the first record. */
  at(time: number): JobDocument | undefined {
    let [low, high] = [0, this.#times.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] ?? Infinity) <= time) low = middle + 1;
      else high = middle;
    }
    return this.document(low - 1);
  }

  /** The document after the record at a place, the first of which is 0; `undefined` where there is none. */
  document(place: number): JobDocument | undefined {
    if (!Number.isInteger(place) || place < 0 || place >= this.#records.length) return undefined;
    const last = this.#last;
    const keyframe = this.#keyframe(Math.floor(place / KEYFRAME));
    const document = last !== undefined && last.place <= place && last.place >= keyframe.place
      ? this.#fold(last.document, last.place, place)
      : this.#fold(keyframe.document, keyframe.place, place);
    this.#last = { place, document };
    return document as unknown as JobDocument;
  }

  /** Every document, oldest first. */
  *documents(): Generator<JobDocument, void, undefined> {
    for (let place = 0; place < this.#records.length; place += 1) {
      const document = this.document(place);
      if (document !== undefined) yield document;
    }
  }

  /** The document after the first record of a stretch, made from that of the stretch before. */
  #keyframe(stretch: number): { readonly place: number; readonly document: Json } {
    for (let next = this.#keyframes.length; next <= stretch; next += 1) {
      const before = this.#keyframes[next - 1];
      this.#keyframes.push(
        before === undefined
          ? this.#fold((this.#beginning ??= this.#begin()), -1, 0)
          : this.#fold(before, (next - 1) * KEYFRAME, next * KEYFRAME),
      );
    }
    return { place: stretch * KEYFRAME, document: this.#keyframes[stretch] ?? {} };
  }

  /** The document after the record `to`, from the one after `from`. */
  #fold(document: Json, from: number, to: number): Json {
    let folded = document;
    for (const { patch, cursor } of this.#records.slice(from + 1, to + 1)) {
      folded = merge(merge(folded, patch as Json), { cursor });
    }
    return folded;
  }

  /** What there was before the first record. */
  #begin(): Json {
    if (this.#now === undefined || this.whole) return {};
    const untouched = this.#records.reduce<Json>((rest, { patch }) => without(rest, patch), this.#now as unknown as Json);
    // A log is cut at its beginning while its job runs.
    return merge({ status: "running", attempt: this.#now.attempt, progress: {}, updated_at: this.#records[0]?.at ?? "" }, untouched);
  }
}

/** `document` without the members that a patch changes. */
function without(document: Json, patch: unknown): Json {
  if (!isObject(document) || !isObject(patch)) return document;
  const members = Object.entries(document).flatMap(([name, value]): [string, Json][] => {
    const change = own(patch, name);
    if (change === undefined) return [[name, value]];
    return isObject(change) && isObject(value) ? [[name, without(value, change)]] : [];
  });
  return Object.fromEntries(members);
}
