// What is watched, and what the frames of a stream say of it. Whoever has a way to a server, or to a tab
// that has one, opens the stream, sends the messages that it wants sent, and gives it what comes.

import type { Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/generated/contract.ts";
import type { TransportName } from "./connection.ts";
import type { Lane, LaneFrame } from "./lane.ts";
import type { News } from "./output.ts";
import type { Refusal } from "./refusal.ts";
import type { Replay, Replays } from "./replays.ts";
import { named, subscribe, wantsEvents, type Selection } from "./selection.ts";
import { Subscriptions, type LookUp } from "./subscriptions.ts";

/** Jobs of a selector that are asked for by name when a connection is made again; further ones come when they move. */
const LOOKED_UP = 64;

/** What a name on the wire stands for: a subscription by its key, a job that is looked up for a selector, or a replay. */
type Subject = { readonly key: string } | { readonly lookedUp: string } | { readonly replay: number };

/** Frames that are about a subscription or a job. */
export type StreamFrame = LaneFrame | Extract<Frame, { type: "subscribed" | "error" }>;

/**
 * **Invariant:** each name is used once on the wire, and stands for one subject until it is withdrawn.
 */
export class Stream {
  readonly #subscriptions = new Subscriptions();
  readonly #subjects = new Map<string, Subject>();
  /**
   * The names under which events were asked for and nothing was answered yet. With it the job, if they were
   * asked for from a position: until the answer nothing of that job is taken, because what comes before may
   * pass over events that only the answer brings. All of it comes again.
   */
  readonly #asked = new Map<string, string | undefined>();
  readonly #messages: ClientMessage[] = [];
  readonly #news: News[] = [];
  #names = 0;
  #open = false;
  /** What has to be told again, where somebody hands frames on. */
  #replays: Replays | undefined;

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Somebody hands frames on, so that they are news, and may ask for events again; or nobody does. */
  relay(replays: Replays | undefined): void {
    for (const number of this.#replays?.all.keys() ?? []) this.forget(number);
    this.#replays = replays;
  }

  /** The next message to send. */
  pollMessage(): ClientMessage | undefined {
    return this.#messages.shift();
  }

  /** The next thing to tell. */
  pollNews(): News | undefined {
    return this.#news.shift();
  }

  /** What is known of a job that is watched. */
  lane(job: string): Lane | undefined {
    return this.#subscriptions.lane(job);
  }

  /** What is known of all jobs that a subscription brings. */
  lanes(key: string): Iterable<[id: string, lane: Lane]> {
    return this.#subscriptions.lanes(key);
  }

  /** Whether a subscription brings a job. */
  brings(key: string, job: string): boolean {
    return this.#subscriptions.brings(key, job);
  }

  /** Whether there is a subscription of this key. */
  has(key: string): boolean {
    return this.#subscriptions.has(key);
  }

  /** Why a subscription is not served; `undefined` when it is. */
  refusal(key: string): Refusal | undefined {
    return this.#subscriptions.refusal(key);
  }

  /** Subscriptions of which something may still come. */
  standing(transport: TransportName) {
    return this.#subscriptions.standing(transport);
  }

  /** Whether something has ended of which only messages would tell more. */
  get hasSettled(): boolean {
    return this.standing("websocket").length > this.standing("poll").length;
  }

  /** What has ended is asked for again: another attempt may have begun. */
  doubt(): void {
    this.#subscriptions.doubt();
  }

  /** Adds a selection, or a reader of one that is there. Whether there is more to ask for. */
  subscribe(key: string, selection: Selection): boolean {
    const added = this.#subscriptions.add(key, selection);
    if (added?.refusal !== undefined) this.#news.push({ type: "subscription", key });
    if (added === undefined || added.refusal !== undefined) return false;
    // Whoever is shown a state that is here already misses no event after it.
    if (this.#open) this.#ask({ key }, selection);
    return true;
  }

  /** One reader less. Whether it was the last. */
  unsubscribe(key: string): boolean {
    const gone = this.#subscriptions.remove(key);
    if (!gone) return false;
    this.#replays?.removeOf(key);
    this.#withdraw((subject) => {
      if ("key" in subject) return subject.key === key;
      return "lookedUp" in subject ? gone.includes(subject.lookedUp) : !this.#replays?.all.has(subject.replay);
    });
    return true;
  }

  /** Asks for a replay; the news `replayed` comes before its events. */
  replay(number: number, { selection, cursor }: Replay): void {
    if (this.#open) this.#ask({ replay: number }, selection, cursor);
    // Where nothing can be asked, what is watched is asked for anew, also what has ended.
    else this.lane(named(selection.selector) ?? "")?.doubt();
  }

  /** Gives a replay up. Whether it was not over yet. */
  forget(number: number): boolean {
    const pending = this.#replays?.remove(number) ?? false;
    if (pending) this.#withdraw((subject) => "replay" in subject && subject.replay === number);
    return pending;
  }

  /** Asks once more for what was refused: one key, or all. */
  forgive(only?: string): void {
    for (const key of this.#subscriptions.forgive(only)) {
      this.#news.push({ type: "subscription", key });
      const selection = this.#subscriptions.selection(key);
      if (only !== undefined && selection !== undefined && this.#open) this.#ask({ key }, selection);
    }
  }

  /** Messages can be sent from now on: asks for everything, each from the position held. */
  open(): void {
    this.#open = true;
    for (const { key, selection } of this.standing("websocket")) this.#ask({ key }, selection);
    for (const [number, replay] of this.#replays?.all ?? []) this.replay(number, replay);
    for (const look of this.lookUps()) this.#ask({ lookedUp: look.selector.job }, look);
  }

  /** The way is gone. */
  close(): void {
    this.#open = false;
    this.#subjects.clear();
    this.#asked.clear();
    this.#replays?.interrupt();
    this.#messages.length = 0;
  }

  /** The position to come back from, for what has one. */
  cursor(selection: Selection): string | undefined {
    return this.#subscriptions.cursor(selection);
  }

  /** Whether events have to be told again. */
  get repeats(): boolean {
    return (this.#replays?.all.size ?? 0) > 0;
  }

  /** The position for a stream without messages to begin from: it brings all replays of its job. */
  begin(selection: Selection): string | undefined {
    const held = this.cursor(selection);
    if (!this.#replays) return held;
    const job = named(selection.selector);
    for (const replay of this.#replays.beginAll(job)) this.#news.push({ type: "replayed", replay });
    return this.#replays.oldest(job, held);
  }

  /** Jobs to ask for by name beside what is subscribed. Those above the bound are better forgotten than shown as they no longer are. */
  lookUps(): readonly LookUp[] {
    const all = this.#subscriptions.lookUps();
    for (const { selector } of all.splice(LOOKED_UP)) this.#lose(selector.job);
    return all;
  }

  /** The server said that every end was seen. */
  finish(): void {
    for (const job of this.#subscriptions.finish()) {
      this.#news.push({ type: "job", job });
      const document = this.lane(job)?.job;
      if (document) this.#relay({ type: "end", job, cursor: document.cursor, status: document.status });
    }
  }

  /** Takes a frame. `hole`: it does not fit what is held, and a snapshot cannot be asked for. */
  take(frame: StreamFrame): "hole" | undefined {
    if (frame.type !== "subscribed" && frame.type !== "error") return this.#laneFrame(frame);
    const id = frame.id ?? "";
    const job = this.#asked.get(id);
    const wasAsked = this.#asked.delete(id);
    if (frame.type === "subscribed") {
      // Nobody wants it any more; that is said now, so that each question has its answer.
      if (wasAsked && !this.#subjects.has(id)) this.#messages.push({ type: "unsubscribe", id });
      this.#subscribed(id);
    } else {
      this.#refused(id, frame);
      // What was not taken for its sake does not come again by itself.
      if (job && !this.#waits(job) && this.#served(job)[0]) this.#resubscribe(job);
    }
    return undefined;
  }

  /** A subscription is not served. */
  refuse(key: string, refusal: Refusal): void {
    if (this.#subscriptions.refuse(key, refusal)) this.#news.push({ type: "subscription", key });
  }

  #laneFrame(frame: LaneFrame): "hole" | undefined {
    const isState = frame.type === "snapshot" || frame.type === "update";
    if (this.#waits(frame.job)) return undefined;
    // Others may have seen less of what happened.
    if (!isState) this.#relay(frame);
    const lane = this.#subscriptions.laneOf(frame);
    // What nobody watches any more may still be on its way.
    if (!lane) return undefined;
    switch (lane.apply(frame)) {
      case "known":
        return undefined;
      case "changed":
        if (frame.type === "event" || frame.type === "gap") this.#news.push({ type: "event", frame });
        else this.#news.push({ type: "job", job: frame.job });
        if (isState) {
          this.#relay(frame);
          this.#replays?.end(frame.job);
        }
        if (frame.type === "end") this.#withdraw((subject) => "lookedUp" in subject && subject.lookedUp === frame.job);
        return undefined;
      case "hole":
        if (!this.#open) return "hole";
        this.#resubscribe(frame.job);
        return undefined;
    }
  }

  /** Whether a question from a position of a job waits for its answer. */
  #waits(job: string): boolean {
    return [...this.#asked.values()].includes(job);
  }

  /** Asks for a snapshot of a job, and for the events since the last frame that fitted. */
  #resubscribe(job: string): void {
    const entries = this.#served(job);
    this.#withdraw((subject) =>
      "key" in subject ? entries.some(({ key }) => key === subject.key) : "lookedUp" in subject && subject.lookedUp === job,
    );
    for (const { key, selection } of entries) this.#ask({ key }, selection);
    if (entries.length === 0) this.#ask({ lookedUp: job }, { selector: { job } });
  }

  /** Subscriptions to a job by its name that were not refused. */
  #served(job: string) {
    return this.standing("websocket").filter(({ selection }) => named(selection.selector) === job);
  }

  /** A replay stands: from now on it is its subscription's only name. */
  #subscribed(id: string): void {
    const subject = this.#subjects.get(id);
    if (!subject || !("replay" in subject)) return;
    const replay = this.#replays?.begin(subject.replay);
    if (!replay) return;
    this.#withdraw((other) => "key" in other && other.key === replay.key);
    this.#subjects.set(id, { key: replay.key });
    this.#news.push({ type: "replayed", replay: subject.replay });
  }

  #refused(id: string, { code, message }: Extract<Frame, { type: "error" }>): void {
    const subject = this.#subject(id);
    if (!subject) return;
    this.#subjects.delete(id);
    if ("lookedUp" in subject) this.#lose(subject.lookedUp);
    else if ("key" in subject) this.refuse(subject.key, { code, message });
    else {
      const replay = this.#replays?.all.get(subject.replay);
      this.#replays?.remove(subject.replay);
      if (replay) this.refuse(replay.key, { code, message });
    }
  }

  /** A job is not there any more. */
  #lose(job: string): void {
    if (this.#subscriptions.lose(job)) this.#news.push({ type: "job", job });
  }

  /** What a name on the wire stands for. Where names cannot be chosen the server makes them of what is watched. */
  #subject(id: string): Subject | undefined {
    const chosen = this.#subjects.get(id);
    if (chosen || this.#open) return chosen;
    const key = this.#subscriptions.called(id);
    if (key !== undefined) return { key };
    return id.startsWith("job:") ? { lookedUp: id.slice("job:".length) } : undefined;
  }

  /** Subscribes by a name that is used once, from the position held. */
  #ask(subject: Subject, selection: Selection, cursor = this.cursor(selection)): void {
    this.#names += 1;
    const id = String(this.#names);
    this.#subjects.set(id, subject);
    let from = cursor;
    if (wantsEvents(selection)) {
      const job = cursor && named(selection.selector);
      this.#asked.set(id, job);
      // Whichever answer comes last, it is followed by the whole row that everyone is due.
      from = (job && this.#replays?.oldest(job, this.cursor(selection))) ?? cursor;
    }
    this.#messages.push(subscribe(id, selection, from));
  }

  #withdraw(which: (subject: Subject) => boolean): void {
    for (const [id, subject] of this.#subjects) {
      if (!which(subject)) continue;
      this.#subjects.delete(id);
      if (this.#open && !this.#asked.has(id)) this.#messages.push({ type: "unsubscribe", id });
    }
  }

  #relay(frame: LaneFrame): void {
    if (this.#replays) this.#news.push({ type: "frame", frame });
  }
}
