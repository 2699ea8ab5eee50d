// The server as its documentation says, for simulations: one lane for each job of a connection, events
// before the state that they belong to, a replay for whoever comes with a cursor.

import type { Job } from "../../src/protocol/generated/contract.ts";
import { wants, type Selection } from "../../src/session/selection.ts";

export const JOBS = ["a", "b", "c"] as const;

/** The types of the events that there are. */
export const TYPES = ["log", "note"] as const;

/** What is asked for: all events, none, or those of some types. */
type Filter = Selection["events"];

/** A job with everything that it ever was. */
interface Played {
  version: number;
  readonly history: Map<number, Job>;
  /** The versions at which an event happened, and its type. */
  readonly events: Map<number, string>;
}

/** What one connection was told of one job. */
interface Told {
  held: number | undefined;
  eventsAt: number | undefined;
  /** The position after which it is told every event of a type. */
  readonly eventsFrom: Map<string, number>;
  /** The states that it was told, and the types of events that were wanted then. */
  readonly states: Map<number, readonly string[]>;
  ended: boolean;
}

interface Subscription {
  readonly jobs: readonly string[];
  readonly events: Filter;
}

/** One connection, and what it has to say. */
export class PlayedConnection {
  readonly #server: PlayedServer;
  readonly #say: (frame: unknown) => void;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #told = new Map<string, Told>();

  constructor(server: PlayedServer, say: (frame: unknown) => void) {
    this.#server = server;
    this.#say = say;
    say({ type: "hello", heartbeat_ms: 20_000 });
  }

  /**
   * From where events of a type are due to whoever holds nothing and is shown this state first: from there,
   * unless the state was on its way already when the question for them, which named no position, was taken;
   * `undefined` while it is still to be taken.
   */
  eventsFrom(job: string, type: string, shown: number): number | undefined {
    const told = this.#told.get(job);
    if (told?.states.get(shown)?.includes(type) !== false) return shown;
    const from = told.eventsFrom.get(type);
    return from && Math.max(shown, from);
  }

  /** Takes a message of the client. */
  take(message: Readonly<Record<string, unknown>>): void {
    const { type, id, job, cursor, events } = message as { type: string; id: string; job?: string; cursor?: string; events?: Filter };
    if (type === "ping") this.#say({ type: "pong" });
    if (type === "unsubscribe") this.#end(id);
    if (type !== "subscribe") return;
    if (this.#subscriptions.has(id)) throw new Error(`the name ${id} is used twice`);
    const jobs = job === undefined ? JOBS : [job];
    this.#subscriptions.set(id, { jobs, events });
    this.#say({ type: "subscribed", id, recovered: cursor !== undefined, was_recovering: cursor !== undefined });
    for (const one of jobs) this.#join(one, cursor === undefined ? undefined : versionOf(cursor), events);
  }

  /** What is watched is in the address, because nothing can be said on this connection. */
  read(address: string): void {
    const { pathname, searchParams } = new URL(address, "http://played");
    const given = searchParams.get("events");
    const events: Filter = given === null ? undefined : given === "true" || given.split(",");
    const single = /^\/api\/v1\/jobs\/(.+)\/stream$/.exec(pathname)?.[1];
    if (single !== undefined) {
      const cursor = searchParams.get("last_event_id");
      const { version } = this.#server.job(single);
      const held = cursor === null ? undefined : versionOf(cursor);
      this.#subscriptions.set(single, { jobs: [single], events });
      const from = held ?? version;
      const eventsFrom = new Map(typesOf(events).map((type) => [type, from]));
      this.#told.set(single, { held, eventsAt: events === undefined ? undefined : from, eventsFrom, states: new Map(), ended: false });
      this.tell();
      return;
    }
    const named = searchParams.getAll("job");
    if (new Set(named).size < named.length) throw new Error(`${address} names a job twice`);
    const positions = new Map((searchParams.get("cursor") ?? "").split(",").map((place) => place.split("@") as [string, string]));
    for (const job of named) {
      const position = positions.get(job);
      this.#subscriptions.set(job, { jobs: [job], events });
      this.#join(job, position === undefined ? undefined : versionOf(position), events);
    }
    if (searchParams.has("tag")) {
      this.#subscriptions.set("tag", { jobs: JOBS, events });
      for (const job of JOBS) this.#join(job, undefined, events);
    }
    for (const told of this.#told.values()) told.held = undefined;
    this.tell();
  }

  /** Says what is new, conflated; `states`: not only the events, of which states are held back for a time. */
  tell(states = true): void {
    for (const [job, told] of this.#told) {
      const { version, events } = this.#server.job(job);
      const wanted = this.#wanted(job);
      for (const [event, type] of events) {
        if (told.eventsAt === undefined || event <= told.eventsAt || !wanted.includes(type)) continue;
        this.#say({ type: "event", job, cursor: cursorOf(event), event: { type, message: String(event) } });
      }
      if (told.eventsAt !== undefined) told.eventsAt = version;
      if (!states) continue;
      told.states.set(version, wanted);
      if (told.held === undefined) this.#say({ type: "snapshot", job, cursor: cursorOf(version), state: this.#server.state(job) });
      else if (told.held < version) this.#update(job, told.held, version);
      const isOver = this.#server.job(job).history.get(version)?.status === "completed";
      if (isOver && (!told.ended || told.held !== version)) this.#say({ type: "end", job, cursor: cursorOf(version), status: "completed" });
      told.ended = isOver;
      told.held = version;
    }
  }

  #join(job: string, at: number | undefined, events: Filter): void {
    const { version } = this.#server.job(job);
    const present = this.#told.get(job);
    const told: Told = present ?? { held: at, eventsAt: undefined, eventsFrom: new Map(), states: new Map(), ended: false };
    this.#told.set(job, told);
    told.ended = false;
    const held = present?.held;
    if (at === undefined || events !== undefined || told.held !== at) told.held = undefined;
    if (events === undefined) return;
    // Without a position its events begin where those of the others are.
    const from = at ?? told.eventsAt ?? held ?? version;
    told.eventsAt = Math.min(told.eventsAt ?? from, from);
    for (const type of typesOf(events)) told.eventsFrom.set(type, Math.min(told.eventsFrom.get(type) ?? from, from));
  }

  /** The types of events that a job's subscriptions want together. */
  #wanted(job: string): readonly string[] {
    const its = [...this.#subscriptions.values()].filter(({ jobs }) => jobs.includes(job));
    return TYPES.filter((type) => its.some(({ events }) => wants(events, type)));
  }

  #end(id: string): void {
    if (!this.#subscriptions.delete(id)) throw new Error(`${id} is not subscribed`);
    for (const [job, told] of this.#told) {
      const its = [...this.#subscriptions.values()].filter(({ jobs }) => jobs.includes(job));
      if (its.length === 0) this.#told.delete(job);
      else if (its.every(({ events }) => events === undefined)) told.eventsAt = undefined;
      const wanted = this.#wanted(job);
      for (const type of TYPES) if (!wanted.includes(type)) told.eventsFrom.delete(type);
    }
  }

  #update(job: string, from: number, to: number): void {
    const { history } = this.#server.job(job);
    const [before, after] = [history.get(from), history.get(to)];
    const held = new Map(Object.entries(before?.metadata ?? {}));
    const metadata = Object.fromEntries(Object.entries(after?.metadata ?? {}).filter(([name, value]) => held.get(name) !== value));
    const patch = { message: after?.message ?? null, status: after?.status, metadata, progress: { done: to }, cursor: cursorOf(to) };
    this.#say({ type: "update", job, prev: cursorOf(from), cursor: cursorOf(to), patch });
  }
}

/** Jobs that move, and whoever watches them. */
export class PlayedServer {
  readonly #jobs = new Map<string, Played>();

  constructor() {
    for (const id of JOBS) {
      this.#jobs.set(id, { version: 0, history: new Map(), events: new Map() });
      this.move(id, undefined);
    }
  }

  job(id: string): Played {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Error(`there is no job ${id}`);
    return job;
  }

  /** The document as it is now. */
  state(id: string): unknown {
    const job = this.job(id);
    return structuredClone(job.history.get(job.version));
  }

  /** A job is another, and tells an event of a type, or none. */
  move(id: string, event: string | undefined, status: Job["status"] = "running"): void {
    const job = this.job(id);
    job.version += 1;
    const { version } = job;
    if (event !== undefined) job.events.set(version, event);
    const at = "2026-01-10T09:30:00.000Z";
    job.history.set(version, {
      id, kind: "import", status, attempt: 1, owner: { tenant: "default" }, tags: ["x"], created_at: at, updated_at: at,
      cursor: cursorOf(version),
      ...(version % 2 === 0 && { message: `at ${version}` }),
      progress: { done: version },
      // Some members are from updates before the last, so that one that was left out is missed.
      metadata: Object.fromEntries(Array.from({ length: Math.min(version, 5) }, (_, n) => [`m${(version - n) % 5}`, version - n])),
    });
  }
}

/** A position in a job's log. */
export function cursorOf(version: number): string {
  return `0000000a-${version}`;
}

/** The version at a position. */
function versionOf(cursor: string): number {
  return Number(cursor.split("-")[1]);
}

/** The types that a filter lets through. */
function typesOf(filter: Filter): string[] {
  return TYPES.filter((type) => wants(filter, type));
}
