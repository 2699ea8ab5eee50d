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

  /** The server said that the end was seen. Whether that is news. */
  finish(): boolean {
    const news = !this.#ended;
    this.#ended = true;
    return news;
  }

  apply(frame: LaneFrame): Applied {
    switch (frame.type) {
      case "snapshot":
        if (this.job !== undefined && frame.cursor !== this.job.cursor && isAtMost(frame.cursor, this.job.cursor)) {
          // Another tab, that was behind, had this one.
          this.#cursor = this.job.cursor;
          this.#waiting = false;
          return "known";
        }
        this.#since ??= frame.cursor;
        this.#document = share(this.#document, frame.state as unknown as Json);
        this.#cursor = frame.cursor;
        this.#ended = false;
        this.#waiting = false;
        return "changed";
      case "update":
        return this.#update(frame);
      case "event":
        if (this.#event !== undefined && isAtMost(frame.cursor, this.#event)) return "known";
        if (this.#since !== undefined && frame.cursor !== this.#since && isAtMost(frame.cursor, this.#since)) return "known";
        this.#event = frame.cursor;
        return "changed";
      case "gap":
        this.#event = frame.to;
        return "changed";
      case "end":
        if (this.#ended) return "known";
        this.#ended = true;
        return "changed";
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
    if (this.#waiting || (this.#cursor !== undefined && isAtMost(cursor, this.#cursor))) return "known";
    // Every event up to a state comes before it.
    if (this.#cursor !== undefined && (this.#event === undefined || !isAtMost(this.#cursor, this.#event))) this.#event = this.#cursor;
    this.#cursor = undefined;
    this.#waiting = true;
    return "hole";
  }
}
