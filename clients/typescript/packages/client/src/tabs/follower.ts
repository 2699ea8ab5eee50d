// A follower's side: its stream, opened to another tab.

import type { ClientMessage } from "../protocol/generated/contract.ts";
import type { LaneFrame } from "../session/lane.ts";
import { covers, type Selector } from "../session/selection.ts";
import type { Stream, StreamFrame } from "../session/stream.ts";
import type { Asked } from "./message.ts";

/** One subscription, as the leader knows it. */
interface Entry {
  readonly selector: Selector;
  readonly events: boolean;
  /** Whether it stands: what comes from then on follows what is held. */
  stands: boolean;
}

/**
 * **Invariant:** of a job whose events were asked for from an older position nothing is taken before that
 * question is answered: whoever goes on from a newer position would pass over those in between.
 */
export class Follower {
  readonly #stream: Stream;
  readonly #entries = new Map<string, Entry>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  /** There is a leader: what to ask for. */
  attach(): Asked[] {
    this.detach();
    this.#stream.open();
    return this.asks();
  }

  /** There is none. */
  detach(): void {
    this.#stream.close();
    this.#entries.clear();
  }

  /** What is to be asked for now. */
  asks(): Asked[] {
    const asks: Asked[] = [];
    for (let message = this.#stream.pollMessage(); message !== undefined; message = this.#stream.pollMessage()) {
      const asked = this.#note(message);
      if (asked !== undefined) asks.push(asked);
    }
    return asks;
  }

  /** Takes what the leader answers. */
  answered(frames: readonly StreamFrame[]): void {
    let begun = false;
    for (const frame of frames) {
      if (frame.type === "subscribed") {
        const entry = this.#entries.get(frame.id);
        if (entry !== undefined) entry.stands = true;
        begun = true;
      } else if (frame.type === "error") this.#entries.delete(frame.id ?? "");
      // An end that the leader holds, of an attempt that is over for it alone.
      if (frame.type === "end" && this.#stream.lane(frame.job)?.cursor !== frame.cursor) continue;
      // A state before anything stands is where events begin for whoever has no position; after that it may be
      // of another subscription, and newer or older than where they begin.
      if (!begun && frame.type === "snapshot" && this.#stream.lane(frame.job)?.job === undefined) this.#stream.take(frame);
      else this.told(frame);
    }
  }

  /** Takes what the leader tells. */
  told(frame: StreamFrame): void {
    if (frame.type === "subscribed" || frame.type === "error" || this.#takes(frame)) this.#stream.take(frame);
  }

  #takes(frame: LaneFrame): boolean {
    const document = frame.type === "snapshot" ? frame.state : this.#stream.lane(frame.job)?.job;
    const its = [...this.#entries.values()].filter(({ selector }) => covers(selector, frame.job, document));
    return its.some(({ stands }) => stands) && its.every(({ stands, events }) => stands || !events);
  }

  #note(message: ClientMessage): Asked | undefined {
    if (message.type === "unsubscribe") {
      this.#entries.delete(message.id);
      return message;
    }
    if (message.type !== "subscribe") return undefined;
    const { job, session, tag, events } = message;
    const selector: Selector =
      typeof job === "string" ? { job } : typeof session === "string" ? { session } : typeof tag === "string" ? { tag } : { all: true };
    this.#entries.set(message.id, { selector, events: events !== undefined && events !== false, stands: false });
    const event = typeof job === "string" ? this.#stream.lane(job)?.event : undefined;
    return event === undefined ? message : { ...message, event };
  }
}
