// One job as its stream tells it.

import { isAtMost } from "../document/cursor.ts";
import type { JobDocument } from "../document/job.ts";
import { share, type Json } from "../document/json.ts";
import { merge } from "../document/merge.ts";
import type { Frame } from "../protocol/frame.ts";

/** What a frame did to a lane. */
export type Applied =
  /** There is something new. */
  | "changed"
  /** It tells what is known, or waits for a snapshot that was asked for. */
  | "known"
  /** It does not fit the position held: a snapshot is needed. */
  | "hole";

/** Frames of one job. */
export type LaneFrame = Extract<Frame, { type: "snapshot" | "update" | "event" | "gap" | "end" }>;

/**
 * The document of one job, its position, and what was seen.
 *
 * **Invariants:** the document is at every moment one that the server had; each event passes once.
 */
export class Lane {
  #document: Json | undefined;
  #cursor: string | undefined;
  #event: string | undefined;
  /** Where it began: older events are not for its readers, though others may have them repeated. */
  #since: string | undefined;
  #ended = false;
  #doubted = false;
  #waiting = false;

  /** The document; `undefined` before the first snapshot. */
  get job(): JobDocument | undefined {
    return this.#document as unknown as JobDocument | undefined;
  }

  /** The position to come back from; `undefined` when a snapshot is needed. */
  get cursor(): string | undefined {
    return this.#cursor;
  }

  /** The position up to which events were seen; `undefined` when there were none. */
  get event(): string | undefined {
    return this.#event ?? this.#since;
  }

  /** Whether the attempt is over and its last state was seen. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether nothing more is expected: it has ended, and nobody has asked since whether that is still so. */
  get settled(): boolean {
    return this.#ended && !this.#doubted;
  }

  /** It is asked for again, though it may have ended. */
  doubt(): void {
    this.#doubted = true;
  }

  /** The server said that the end was seen. Whether that is news. */
  finish(): boolean {
    const news = !this.#ended;
    this.#ended = true;
    this.#doubted = false;
    return news;
  }

  apply(frame: LaneFrame): Applied {
    switch (frame.type) {
      case "snapshot": {
        const held = this.job?.cursor;
        this.#waiting = false;
        if (frame.cursor !== held && isAtMost(frame.cursor, held)) {
          // Another tab, that was behind, had this one.
          this.#cursor = held;
          return "known";
        }
        this.#since ??= frame.cursor;
        // Whoever looks again at what has ended may find nothing else.
        this.#ended &&= frame.cursor === held;
        this.#document = share(this.#document, frame.state as unknown as Json);
        this.#cursor = frame.cursor;
        return "changed";
      }
      case "update":
        return this.#update(frame);
      case "event":
        if (isAtMost(frame.cursor, this.#event)) return "known";
        if (frame.cursor !== this.#since && isAtMost(frame.cursor, this.#since)) return "known";
        this.#event = frame.cursor;
        return "changed";
      case "gap":
        // Every event up to a state comes before it: whoever has this one misses nothing that others do.
        if (isAtMost(frame.to, this.#event) || isAtMost(frame.to, this.#cursor)) return "known";
        this.#event = frame.to;
        return "changed";
      case "end":
        return this.finish() ? "changed" : "known";
    }
  }

  #update({ cursor, prev, patch }: Extract<Frame, { type: "update" }>): Applied {
    if (this.#cursor === prev) {
      const patched = merge(this.#document, patch as Json);
      this.#document = merge(patched, { cursor });
      this.#cursor = cursor;
      this.#ended = false;
      return "changed";
    }
    if (this.#waiting || isAtMost(cursor, this.#cursor)) return "known";
    // Every event up to a state comes before it.
    if (this.#cursor !== undefined && !isAtMost(this.#cursor, this.#event)) this.#event = this.#cursor;
    this.#cursor = undefined;
    this.#waiting = true;
    return "hole";
  }
}
