// Events that others have to be told again, though this stream has brought them already. Apart from the
// stream, because only one that others watch over has any.

import { offset } from "../document/cursor.ts";
import { named, type Selection } from "./selection.ts";

/** Events of a subscription that somebody else has to be told again. */
export interface Replay {
  readonly key: string;
  readonly selection: Selection;
  readonly cursor: string;
}

/**
 * **Invariant:** a replay is asked for, over each connection anew, until a state has come after it: every
 * event up to a state comes before it.
 */
export class Replays {
  readonly #all = new Map<number, Replay>();
  /** Those of which what comes next is the beginning: they are over with the next state. */
  readonly #begun = new Set<number>();
  #last = 0;

  /** All that are not over, by their numbers. */
  get all(): ReadonlyMap<number, Replay> {
    return this.#all;
  }

  /** Adds one; gives its number. */
  add(replay: Replay): number {
    this.#last += 1;
    this.#all.set(this.#last, replay);
    return this.#last;
  }

  /** It begins with the next frame of its job. */
  begin(number: number): Replay | undefined {
    if (this.#all.has(number)) this.#begun.add(number);
    return this.#all.get(number);
  }

  /** Those of a job begin with the next frame: their numbers. */
  beginAll(job: string | undefined): readonly number[] {
    const its = this.#of(job);
    for (const [number] of its) this.#begun.add(number);
    return its.map(([number]) => number);
  }

  /** The oldest position among those of a job and one that is held. */
  oldest(job: string | undefined, held: string | undefined): string | undefined {
    return this.#of(job).reduce((from, [, { cursor }]) => (place(cursor) < place(from) ? cursor : from), held);
  }

  /** Gives one up. Whether it was not over yet. */
  remove(number: number): boolean {
    this.#begun.delete(number);
    return this.#all.delete(number);
  }

  /** Nobody reads a subscription any more. */
  removeOf(key: string): void {
    for (const [number, replay] of this.#all) if (replay.key === key) this.remove(number);
  }

  /** A state of a job came. */
  end(job: string): void {
    for (const number of this.#begun) {
      const replay = this.#all.get(number);
      if (replay !== undefined && named(replay.selection.selector) === job) this.remove(number);
    }
  }

  /** The way is gone: what has begun has to begin again. */
  interrupt(): void {
    this.#begun.clear();
  }

  #of(job: string | undefined): [number, Replay][] {
    return [...this.#all].filter(([, { selection }]) => job !== undefined && named(selection.selector) === job);
  }
}

/** Where a position is among others of its log; what has none begins with the newest. */
function place(cursor: string | undefined): number {
  return cursor === undefined ? Number.MAX_SAFE_INTEGER : offset(cursor);
}
