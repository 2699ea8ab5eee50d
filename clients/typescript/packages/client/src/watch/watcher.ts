// Watches jobs live: runs a session over real connections and gives what it knows as stores.

import type { Close, ConnectionState, TransportName } from "../session/connection.ts";
import type { Frame } from "../protocol/frame.ts";
import type { Output } from "../session/output.ts";
import { keyOf, named, wants, type Selection, type Selector } from "../session/selection.ts";
import { Session } from "../session/session.ts";
import { events } from "../transport/events.ts";
import { poll } from "../transport/poll.ts";
import type { Connection, Open } from "../transport/transport.ts";
import { websocket, type SocketConstructor } from "../transport/websocket.ts";
import type { Group } from "../tabs/group.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { JobSnapshot, JobWatch } from "./job_watch.ts";
import { newestFirst, type JobsSnapshot, type JobsWatch } from "./jobs_watch.ts";
import { base, type ConnectOptions, type TokenSource } from "./options.ts";
import { canShare } from "./sharing.ts";
import { Listeners, safely, type Store } from "./store.ts";
import { observe } from "./surroundings.ts";

/** What happened in a job: its `type` says what else is in it. */
export interface Happened {
  readonly type: "event";
  readonly job: string;
  readonly cursor: string;
  readonly event: { readonly type: string; readonly [member: string]: unknown };
}

/** Something that happened in a job, or the news that such things are missing. */
export type JobEvent = Happened | Readonly<Extract<Frame, { type: "gap" }>>;

/** How to watch. */
export interface WatchOptions {
  /** Which events come to `onEvent`; all unless said, when there is one. */
  readonly events?: boolean | readonly string[] | undefined;
  /** The shortest time between two states of one job in milliseconds; the server's default unless said. */
  readonly minIntervalMs?: number | undefined;
  /**
   * Is told of each event once, in order; of a `gap` where events are missing. On many jobs it begins, for each
   * job, with the first state of it. After a break it goes on where it was for up to 64 jobs that had not ended;
   * of all others, which no `gap` tells, it begins again with their next state.
   */
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
}

/** A watch from inside: what a change means for it. */
interface Reader {
  readonly key: string;
  readonly selection: Selection;
  readonly options: WatchOptions;
  readonly listeners: Listeners;
  /** Whether its jobs may have changed since it was last read. */
  dirty: boolean;
}

/**
 * Watches jobs over one connection that all watches share.
 *
 * It connects when something is watched and lets go when nothing is. Close it at the end, or close
 * each watch.
 */
export class Watcher {
  /** How the connection is. */
  readonly connection: Store<ConnectionState>;
  readonly #session: Session;
  readonly #base: string;
  /** The server and how it is asked: with whom a connection can be shared. */
  readonly #server: string;
  readonly #token: TokenSource | undefined;
  readonly #clock: Clock;
  readonly #opens: Readonly<Record<TransportName, Open | undefined>>;
  readonly #readers = new Set<Reader>();
  readonly #connectionListeners = new Listeners();
  readonly #leave: () => void;
  /** Whether the connection is to be one of all tabs; its code is loaded when something is watched. */
  #shares: "no" | "later" | "soon" | Group;
  #state: ConnectionState;
  #open: { readonly number: number; readonly connection: Connection } | undefined;
  #takeBack: (() => void) | undefined;
  #scheduled = false;
  #closed = false;

  constructor(options: ConnectOptions = {}) {
    this.#base = base(options.url);
    this.#token = options.token;
    this.#clock = options.clock ?? systemClock;
    const own = options.fetch ?? ((input, init) => fetch(input, init));
    const requests = { fetch: own, credentials: options.credentials };
    const socket = options.WebSocket === undefined ? platformSocket() : options.WebSocket;
    this.#opens = {
      websocket: socket ? websocket(socket) : undefined,
      events: events(requests),
      poll: poll(requests),
    };
    const wanted = options.transports ?? ["websocket", "events", "poll"];
    const transports = wanted.filter((name) => this.#opens[name] !== undefined);
    if (transports.length === 0) throw new TypeError("give `WebSocket` or other `transports`");
    this.#session = new Session({ transports, signIn: options.token !== undefined, attempts: options.attempts ?? 5 });
    const isOwn = options.fetch === undefined && options.WebSocket === undefined;
    this.#shares = (options.shared ?? isOwn) && canShare() ? "later" : "no";
    if (this.#shares === "later") this.#session.rest();
    this.#server = `${this.#base}:${options.credentials ?? ""}`;
    this.#state = this.#connection();
    this.connection = {
      subscribe: (listener) => this.#connectionListeners.add(listener),
      getSnapshot: () => this.#state,
    };
    this.#leave = observe({
      online: (online) => {
        this.#session.handleOnline(online, this.#clock.now());
        this.#schedule();
      },
      visible: (visible) => {
        this.#session.handleVisible(visible, this.#clock.now());
        this.#schedule();
      },
    });
  }

  /** Watches one job, which need not exist yet for `error` to say so. */
  watchJob(job: string, options: WatchOptions = {}): JobWatch {
    const reader = this.#add({ job }, options);
    const read = (): JobSnapshot => {
      const lane = this.#session.stream.lane(job);
      return {
        job: lane?.job,
        ended: lane?.ended ?? false,
        error: this.#session.stream.refusal(reader.key),
        connection: this.#state,
      };
    };
    return this.#watch(reader, read, (before, now) => before.job === now.job && before.ended === now.ended);
  }

  /** Watches all jobs of a session, of a tag, or `{ all: true }` that the caller sees. */
  watchJobs(selector: Exclude<Selector, { job: string }>, options: WatchOptions = {}): JobsWatch {
    const reader = this.#add(selector, options);
    let jobs: JobsSnapshot["jobs"] = [];
    const read = (): JobsSnapshot => {
      const found = [...this.#session.stream.lanes(reader.key)].map(([, lane]) => lane.job).filter((job) => job !== undefined);
      found.sort(newestFirst);
      const same = found.length === jobs.length && found.every((job, place) => job === jobs[place]);
      if (!same) jobs = Object.freeze(found);
      return { jobs, error: this.#session.stream.refusal(reader.key), connection: this.#state };
    };
    return this.#watch(reader, read, (before, now) => before.jobs === now.jobs);
  }

  /** Somebody has signed in, or wants another try: asks for a token and connects. */
  signedIn(): void {
    if (typeof this.#shares === "object") this.#shares.signedIn();
    else this.#session.resume(this.#clock.now());
    this.#schedule();
  }

  /** A command was taken: what has ended may have begun again, and only a WebSocket tells of that by itself. */
  protected lookAgain(): void {
    if (typeof this.#shares === "object") this.#shares.lookAgain();
    else this.#session.lookAgain(this.#clock.now());
    this.#schedule();
  }

  /** Ends every watch. Their last snapshots stay. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#leave();
    this.#takeBack?.();
    if (typeof this.#shares === "object") this.#shares.close();
    this.#open?.connection.close();
    this.#open = undefined;
  }

  #add(selector: Selector, options: WatchOptions): Reader {
    if (this.#closed) throw new TypeError("the watcher is closed: make another one");
    const events = options.onEvent === undefined ? undefined : (options.events ?? true);
    const selection: Selection = { selector, events, minIntervalMs: options.minIntervalMs };
    const key = keyOf(selection);
    const reader: Reader = { key, selection, options, listeners: new Listeners(), dirty: true };
    this.#readers.add(reader);
    this.#session.subscribe(key, selection, this.#clock.now());
    if (this.#shares === "later") void this.#share();
    this.#schedule();
    return reader;
  }

  #watch<Snapshot extends { readonly error: unknown; readonly connection: ConnectionState }>(
    reader: Reader,
    read: () => Snapshot,
    sameJobs: (before: Snapshot, now: Snapshot) => boolean,
  ): Store<Snapshot> & { readonly close: () => void } {
    let snapshot: Snapshot | undefined;
    return {
      subscribe: (listener) => reader.listeners.add(listener),
      getSnapshot: () => {
        if (snapshot !== undefined && !reader.dirty) return snapshot;
        reader.dirty = false;
        const now = read();
        const same =
          snapshot !== undefined &&
          sameJobs(snapshot, now) &&
          snapshot.error === now.error &&
          snapshot.connection === now.connection;
        if (!same) snapshot = now;
        return snapshot ?? now;
      },
      close: () => {
        if (!this.#readers.delete(reader) || this.#closed) return;
        // The last state stays, though the session forgets it.
        snapshot = reader.dirty ? read() : snapshot;
        reader.dirty = false;
        this.#session.unsubscribe(reader.key, this.#clock.now());
        this.#schedule();
      },
    };
  }

  /** Carries out later what the session wants, so that watches that are made together connect once. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#run();
    });
  }

  #run(): void {
    if (this.#closed) return;
    const changed = new Set<Reader>();
    for (let output = this.#session.pollOutput(); output !== undefined; output = this.#session.pollOutput()) {
      this.#carryOut(output, changed);
      if (typeof this.#shares === "object") this.#shares.note(output);
    }
    if (typeof this.#shares !== "object" || this.#shares.run()) this.#connectionChanged(changed);
    for (const reader of changed) reader.dirty = true;
    this.#takeBack?.();
    const deadline = this.#session.nextDeadline();
    this.#takeBack =
      deadline === undefined
        ? undefined
        : this.#clock.after(deadline - this.#clock.now(), () => {
            this.#session.handleTimeout(this.#clock.now(), this.#clock.random());
            this.#schedule();
          });
    for (const reader of changed) reader.listeners.tell();
  }

  #carryOut(output: Output, changed: Set<Reader>): void {
    switch (output.type) {
      case "token":
        void this.#askForToken();
        return;
      case "connect":
        this.#connect(output);
        return;
      case "send":
        if (this.#open?.number === output.connection) this.#open.connection.send(output.text);
        return;
      case "disconnect":
        if (this.#open?.number !== output.connection) return;
        this.#open.connection.close();
        this.#open = undefined;
        return;
      case "job":
        for (const reader of this.#readers) {
          const job = named(reader.selection.selector);
          if (job === undefined || job === output.job) changed.add(reader);
        }
        return;
      case "subscription":
        for (const reader of this.#readers) if (reader.key === output.key) changed.add(reader);
        return;
      case "event":
        this.#eventHappened(output.frame);
        return;
      case "connection":
      case "frame":
      case "replayed":
        return;
    }
  }

  #connection(): ConnectionState {
    if (typeof this.#shares === "object") return this.#shares.connection();
    const link = this.#session.connection();
    // Until it is known whether another tab has a connection.
    return { ...(this.#shares === "soon" ? { state: "connecting", transport: "websocket" } : link), tab: "alone" };
  }

  /** Looks for other tabs, and connects alone where that is not possible. */
  async #share(): Promise<void> {
    this.#shares = "soon";
    try {
      const { Group } = await import("../tabs/group.ts");
      if (this.#closed) return;
      const changed = (): void => {
        this.#schedule();
      };
      const group = new Group({ session: this.#session, server: this.#server, token: this.#token, clock: this.#clock, changed });
      this.#shares = group;
      group.begin();
    } catch {
      this.#shares = "no";
      this.#session.wake(undefined, this.#clock.now());
    }
    this.#schedule();
  }

  #connectionChanged(changed: Set<Reader>): void {
    const now = this.#connection();
    if (JSON.stringify(now) === JSON.stringify(this.#state)) return;
    this.#state = now;
    for (const reader of this.#readers) changed.add(reader);
    this.#connectionListeners.tell();
  }

  #eventHappened(frame: Extract<Output, { type: "event" }>["frame"]): void {
    for (const { key, selection, options } of [...this.#readers]) {
      const { onEvent } = options;
      if (onEvent === undefined) continue;
      if (frame.type === "event" && !wants(selection.events, (frame.event as Happened["event"]).type)) continue;
      if (!this.#session.stream.brings(key, frame.job)) continue;
      safely(() => {
        onEvent(frame as JobEvent);
      });
    }
  }

  #connect({ connection: number, transport, path, token }: Extract<Output, { type: "connect" }>): void {
    this.#open?.connection.close();
    this.#open = undefined;
    const open = this.#opens[transport];
    const session = this.#session;
    const after = (change: (now: number, random: number) => void): void => {
      if (this.#closed) return;
      change(this.#clock.now(), this.#clock.random());
      this.#schedule();
    };
    const closed = (close: Close): void => {
      after((now, random) => {
        session.handleClose(number, close, now, random);
      });
    };
    try {
      const connection = open?.(
        { url: this.#base + path, token },
        {
          opened: () => {
            after((now) => {
              session.handleOpen(number, now);
            });
          },
          active: () => {
            after((now) => {
              session.handleActivity(number, now);
            });
          },
          message: (message) => {
            after((now, random) => {
              session.handleFrame(number, message, now, random);
            });
          },
          closed,
        },
      );
      if (connection !== undefined) this.#open = { number, connection };
    } catch (error) {
      // A constructor refuses what cannot be sent, such as a token with signs that no header takes.
      closed({ reason: String(error) });
    }
  }

  async #askForToken(): Promise<void> {
    try {
      const token = await this.#token?.();
      const isForSession = typeof this.#shares !== "object" || (await this.#shares.admit(token ?? null));
      if (isForSession) this.#session.handleToken(token, this.#clock.now());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#session.handleTokenFailure(`no token: ${reason}`, this.#clock.now(), this.#clock.random());
    }
    this.#schedule();
  }
}

/** The platform's WebSocket; Node has one from 22 on. */
function platformSocket(): SocketConstructor | undefined {
  return (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
}
