// The leader's side: what other tabs watch, over the leader's connection.

import { isAtMost } from "../document/cursor.ts";
import type { Frame } from "../protocol/frame.ts";
import type { LaneFrame } from "../session/lane.ts";
import type { Output } from "../session/output.ts";
import { Replays } from "../session/replays.ts";
import { covers, keyOf, named, wantsEvents, type Selection } from "../session/selection.ts";
import type { Session } from "../session/session.ts";
import type { StreamFrame } from "../session/stream.ts";
import type { Asked } from "./message.ts";

/** Subscriptions of one tab, as many as a server gives one connection. */
const MOST = 256;

/** One subscription of another tab. */
interface Entry {
  readonly id: string;
  readonly key: string;
  readonly selection: Selection;
  /** The replay of its events that was asked for. */
  replay: number | undefined;
  /** Nobody wants it any more, and what its replay brings is due to others of its tab. */
  isLeaving: boolean;
}

/** Frames for one tab. */
export interface Answer {
  readonly to: string;
  readonly frames: readonly StreamFrame[];
}

/**
 * **Invariants:** the session counts each subscription of another tab as one reader; a tab is told the
 * events of a subscription from the position that it held, or of a gap.
 */
export class Relay {
  readonly #session: Session;
  readonly #replays = new Replays();
  readonly #tabs = new Map<string, Map<string, Entry>>();

  constructor(session: Session) {
    this.#session = session;
    session.stream.relay(this.#replays);
  }

  /** Whether a tab is served. */
  has(tab: string): boolean {
    return this.#tabs.has(tab);
  }

  /** Takes what a tab asks for; gives what it can be told at once. */
  ask(tab: string, messages: readonly Asked[], now: number): StreamFrame[] {
    const entries = this.#tabs.get(tab) ?? new Map<string, Entry>();
    this.#tabs.set(tab, entries);
    const answers = messages.map((message) => {
      if (message.type === "subscribe") return this.#subscribe(entries, message, now);
      const entry = entries.get(message.id);
      // Until its question was answered the tab took nothing of that job: the replay brings that too.
      if (entry !== undefined && this.#isPending(entry)) entry.isLeaving = true;
      else this.#remove(entries, message.id, now);
      return [];
    });
    // A state from which events are told comes before anything stands: after that it could be that of another.
    return answers.sort((one, other) => standing(one) - standing(other)).flat();
  }

  /** A tab begins anew, or is not there any more. */
  gone(tab: string, now: number): void {
    const entries = this.#tabs.get(tab);
    if (entries === undefined) return;
    this.#tabs.delete(tab);
    for (const id of [...entries.keys()]) this.#remove(entries, id, now);
  }

  /** Nobody is served any more. */
  close(now: number): void {
    for (const tab of [...this.#tabs.keys()]) this.gone(tab, now);
    this.#session.stream.relay(undefined);
  }

  /** Whether a frame is for anybody. */
  isWanted(frame: LaneFrame): boolean {
    const document = frame.type === "snapshot" ? frame.state : this.#session.stream.lane(frame.job)?.job;
    for (const entries of this.#tabs.values()) {
      for (const { selection } of entries.values()) if (covers(selection.selector, frame.job, document)) return true;
    }
    return false;
  }

  /** What the session's news mean for single tabs, to be told before a frame that they carry. */
  handleOutput(output: Output, now: number): Answer[] {
    switch (output.type) {
      case "replayed":
        return this.#answers(({ replay }) => replay === output.replay, (entry) => [subscribed(entry)]);
      case "subscription": {
        const refusal = this.#session.stream.refusal(output.key);
        if (refusal === undefined) return [];
        return this.#answers(({ key }) => key === output.key, ({ id }, entries) => {
          this.#remove(entries, id, now);
          return [{ type: "error", id, code: refusal.code, message: refusal.message }];
        });
      }
      case "frame":
        for (const entries of this.#tabs.values()) {
          for (const entry of [...entries.values()]) if (entry.isLeaving && !this.#isPending(entry)) this.#remove(entries, entry.id, now);
        }
        return [];
      case "connection":
      case "token":
      case "connect":
      case "send":
      case "disconnect":
      case "job":
      case "event":
        return [];
    }
  }

  #subscribe(entries: Map<string, Entry>, asked: Extract<Asked, { type: "subscribe" }>, now: number): StreamFrame[] {
    const { id, cursor, event } = asked;
    if (entries.size >= MOST) {
      const message = `a tab has at most ${MOST} subscriptions: close some`;
      return [{ type: "error", id, code: "too_many_subscriptions", message }];
    }
    const selection = selectionOf(asked);
    const key = keyOf(selection);
    const { stream } = this.#session;
    const known = stream.has(key);
    const refused = stream.refusal(key) !== undefined;
    this.#session.subscribe(key, selection, now);
    const entry: Entry = { id, key, selection, replay: undefined, isLeaving: false };
    entries.set(id, entry);
    // Another tab may know better by now.
    if (known && refused) this.#session.retry(key, now);
    const refusal = stream.refusal(key);
    if (refusal !== undefined) {
      this.#remove(entries, id, now);
      return [{ type: "error", id, code: refusal.code, message: refusal.message }];
    }
    const job = named(selection.selector);
    const lane = job === undefined ? undefined : stream.lane(job);
    if (job === undefined || !wantsEvents(selection)) return this.#begin(entry, entries);
    const position = cursor ?? event;
    // Whoever has no position begins with the state that is held here; events after it may have passed already.
    const held = lane?.job === undefined ? undefined : lane.cursor;
    const isAhead = held !== undefined && lane?.event !== undefined && !isAtMost(lane.event, held);
    const from = position ?? (known && isAhead ? held : undefined);
    const same = held !== undefined && cursor === held && (!isAhead || lane.event === event);
    if (from === undefined || (known && same)) return this.#begin(entry, entries);
    const replay = { key, selection, cursor: from };
    entry.replay = this.#replays.add(replay);
    this.#session.replay(entry.replay, replay, now);
    return position === undefined ? this.#held(entry, entries) : [];
  }

  /** What is held of a subscription's jobs. Where others of its tab are due older events, a state comes behind those. */
  #held(entry: Entry, entries: ReadonlyMap<string, Entry>): StreamFrame[] {
    const others = [...entries.values()].filter((other) => other !== entry && this.#isPending(other));
    const behind = new Set(others.map(({ selection }) => named(selection.selector)));
    return [...this.#session.stream.lanes(entry.key)].flatMap(([job, { job: document, cursor, ended }]): StreamFrame[] => {
      if (document === undefined || cursor === undefined || behind.has(job)) return [];
      const state = document as Extract<Frame, { type: "snapshot" }>["state"];
      const snapshot: StreamFrame = { type: "snapshot", job, cursor, state };
      return ended ? [snapshot, { type: "end", job, cursor, status: document.status }] : [snapshot];
    });
  }

  /** A subscription stands: what is held of its jobs. */
  #begin(entry: Entry, entries: ReadonlyMap<string, Entry>): StreamFrame[] {
    return [subscribed(entry), ...this.#held(entry, entries)];
  }

  #answers(which: (entry: Entry) => boolean, frames: (entry: Entry, entries: Map<string, Entry>) => StreamFrame[]): Answer[] {
    const answers: Answer[] = [];
    for (const [to, entries] of this.#tabs) {
      const told = [...entries.values()].filter(which).flatMap((entry) => frames(entry, entries));
      if (told.length > 0) answers.push({ to, frames: told });
    }
    return answers;
  }

  /** Whether its replay is not over yet. */
  #isPending({ replay }: Entry): boolean {
    return replay !== undefined && this.#replays.all.has(replay);
  }

  #remove(entries: Map<string, Entry>, id: string, now: number): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    if (entry.replay !== undefined) this.#session.stream.forget(entry.replay);
    this.#session.unsubscribe(entry.key, now);
  }
}

/** 1 for the answer of a subscription that stands at once, else 0. */
function standing([first]: readonly StreamFrame[]): number {
  return Number(first?.type === "subscribed");
}

function subscribed({ id }: Entry): StreamFrame {
  return { type: "subscribed", id, recovered: true, was_recovering: true };
}

/** What a message asks for. */
function selectionOf({ job, session, tag, events, min_interval_ms: interval }: Extract<Asked, { type: "subscribe" }>): Selection {
  return {
    selector: typeof job === "string" ? { job } : typeof session === "string" ? { session } : typeof tag === "string" ? { tag } : { all: true },
    ...(events !== null && events !== undefined && { events }),
    ...(typeof interval === "number" && { minIntervalMs: interval }),
  };
}
