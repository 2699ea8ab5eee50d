// What is watched, by whom, and what is known of its jobs.

import type { TransportName } from "./connection.ts";
import { Lane, type LaneFrame } from "./lane.ts";
import { unnameable, type Refusal } from "./refusal.ts";
import { covers, named, union, wantsEvents, type Selection } from "./selection.ts";

/** A selection and the key that names it. */
export interface Entry {
  readonly key: string;
  readonly selection: Selection;
}

/** A job to ask for by its name, with the events that are wanted of it. */
export type LookUp = Selection & { readonly selector: { readonly job: string } };

/** One selection, and how many read it. */
interface Subscription extends Entry {
  count: number;
  refusal: Refusal | undefined;
}

/** **Invariant:** a lane is kept exactly as long as a subscription brings its job. */
export class Subscriptions {
  readonly #all = new Map<string, Subscription>();
  readonly #lanes = new Map<string, Lane>();

  /** Adds a selection, or a reader of one that is there: then `undefined`. */
  add(key: string, selection: Selection): { readonly refusal: Refusal | undefined } | undefined {
    const present = this.#all.get(key);
    if (present !== undefined) {
      present.count += 1;
      return undefined;
    }
    const refusal = unnameable(selection.selector);
    this.#all.set(key, { key, selection, count: 1, refusal });
    const job = named(selection.selector);
    if (job !== undefined && refusal === undefined) this.open(job);
    return { refusal };
  }

  /** One reader less. After the last one, the jobs that nothing brings any more; before, `undefined`. */
  remove(key: string): string[] | undefined {
    const subscription = this.#all.get(key);
    if (!subscription) return undefined;
    subscription.count -= 1;
    if (subscription.count > 0) return undefined;
    this.#all.delete(key);
    const gone = [...this.#lanes].filter(([id, lane]) => !this.#isBrought(id, lane.job)).map(([id]) => id);
    for (const id of gone) this.#lanes.delete(id);
    return gone;
  }

  has(key: string): boolean {
    return this.#all.has(key);
  }

  selection(key: string): Selection | undefined {
    return this.#all.get(key)?.selection;
  }

  lane(job: string): Lane | undefined {
    return this.#lanes.get(job);
  }

  /** The lane of a job, made when it is not there. */
  open(job: string): Lane {
    const present = this.#lanes.get(job);
    if (present !== undefined) return present;
    const lane = new Lane();
    this.#lanes.set(job, lane);
    return lane;
  }

  /** The lane that a frame is for: one that is there, or that of a job that a selector brings for the first time, which begins with a snapshot. */
  laneOf(frame: LaneFrame): Lane | undefined {
    const present = this.#lanes.get(frame.job);
    if (present !== undefined || frame.type !== "snapshot") return present;
    return this.#isBrought(frame.job, frame.state) ? this.open(frame.job) : undefined;
  }

  /** A job that only selectors bring is not there any more. Whether it was. */
  lose(job: string): boolean {
    return this.to(job).length === 0 && this.#lanes.delete(job);
  }

  /** The server said that every end was seen: the jobs of which that is news. */
  finish(): string[] {
    return [...this.#lanes].filter(([, lane]) => lane.finish()).map(([id]) => id);
  }

  /** What is known of all jobs that a subscription brings. */
  *lanes(key: string): Iterable<[id: string, lane: Lane]> {
    for (const [id, lane] of this.#lanes) if (this.brings(key, id)) yield [id, lane];
  }

  /** Whether a subscription brings a job. */
  brings(key: string, job: string): boolean {
    const subscription = this.#all.get(key);
    return subscription !== undefined && covers(subscription.selection.selector, job, this.#lanes.get(job)?.job);
  }

  refusal(key: string): Refusal | undefined {
    return this.#all.get(key)?.refusal;
  }

  /** A subscription is not served. Whether it is there. */
  refuse(key: string, refusal: Refusal): boolean {
    const subscription = this.#all.get(key);
    if (!subscription) return false;
    subscription.refusal = refusal;
    return true;
  }

  /** Another try for what was refused, one key or all: their keys. */
  forgive(only?: string): string[] {
    const refused = this.#entries().filter(({ key, refusal }) => refusal !== undefined && (only ?? key) === key);
    for (const subscription of refused) subscription.refusal = unnameable(subscription.selection.selector);
    return refused.map(({ key }) => key);
  }

  /**
   * Subscriptions of which something may still come. A job that has ended may be retried, and a
   * WebSocket tells; the other transports would have to be asked again and again for its end.
   */
  standing(transport: TransportName): Entry[] {
    return this.#entries().filter(({ selection, refusal }) => {
      return refusal === undefined && (transport === "websocket" || !this.#named(selection)?.settled);
    });
  }

  /** What has ended is asked for again. */
  doubt(): void {
    for (const lane of this.#lanes.values()) lane.doubt();
  }

  /** Subscriptions to one job by its name. */
  to(job: string): Entry[] {
    return this.#entries().filter(({ selection }) => named(selection.selector) === job);
  }

  /** The subscription for which the server made a name, where names cannot be chosen: `job:a`, `tag:x`, `all`; or just the job, where it is the only one. */
  called(name: string): string | undefined {
    return this.#entries().find(({ selection }) => {
      const made = Object.entries(selection.selector).map(([word, value]) => (word === "all" ? word : `${word}:${value}`));
      return made.includes(name) || named(selection.selector) === name;
    })?.key;
  }

  /** The position to come back from, for what has one: with events, that of the last one where a snapshot is needed. */
  cursor(selection: Selection): string | undefined {
    const lane = this.#named(selection);
    return lane?.cursor ?? (wantsEvents(selection) ? lane?.event : undefined);
  }

  /**
   * Jobs that a selector brings and that have not ended. One that ended while nobody was connected would
   * not be told again by the selector, so they are asked for by name; that also says from where their
   * events go on, which a selector cannot.
   */
  lookUps(): LookUp[] {
    const many = this.#entries().flatMap(({ selection }) => (named(selection.selector) === undefined ? selection : []));
    return [...this.#lanes]
      .filter(([, lane]) => !lane.ended)
      .map(([job, lane]) => ({ selector: { job }, events: union(many.filter(({ selector }) => covers(selector, job, lane.job))) }))
      .filter(({ selector, events }) => events !== undefined || this.to(selector.job).length === 0);
  }

  #entries(): Subscription[] {
    return [...this.#all.values()];
  }

  /** The lane of the job that a selection names. */
  #named({ selector }: Selection): Lane | undefined {
    return this.#lanes.get(named(selector) ?? "");
  }

  #isBrought(id: string, job: Lane["job"]): boolean {
    return this.#entries().some(({ selection }) => covers(selection.selector, id, job));
  }
}
