// What a watching client does, and when: no I/O, no clock, no chance of its own.
//
// Call `handle…` with what happened, then `pollOutput` until it gives nothing, then wait for the next
// event or until `nextDeadline`, and then call `handleTimeout`. Times are milliseconds of one clock
// that does not jump and counts from the Unix epoch; random numbers are 0 to 1.

import { isObject } from "../document/json.ts";
import { readFrame, type Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/generated/contract.ts";
import { address, STREAM } from "./address.ts";
import { Backoff } from "./backoff.ts";
import type { Close, Link, TransportName } from "./connection.ts";
import { Credential } from "./credential.ts";
import type { Output } from "./output.ts";
import { endingOf, type Closing, type Phase } from "./phase.ts";
import type { Replay } from "./replays.ts";
import { named, type Selection } from "./selection.ts";
import { Stream, type StreamFrame } from "./stream.ts";

/** How long a connection may take to say its first word. */
const CONNECT_MS = 15_000;
/** How long a poll may take: the server answers after 20 s when nothing happens. */
const POLL_MS = 40_000;
/** How long nobody has to watch anything before the connection is let go: a page that changes views comes back at once. */
const LINGER_MS = 1_000;
/** How long an answer to a ping may take when the page or the network has come back. */
const PONG_MS = 5_000;
/** How long a server may take to close after it has said so. */
const CLOSING_MS = 5_000;
/** How long after an end it is looked whether another attempt has begun, where nobody tells; each time twice as long. */
const LOOK_MS = 5_000;
/** The longest of these times; by chance all are up to twice as long. */
const LONGEST_LOOK_MS = 160_000;
/** The longest that a closing server can keep a client away. */
const LONGEST_PAUSE_MS = 60_000;

export interface SessionOptions {
  /** Ways to connect, best first; at least one. */
  readonly transports: readonly TransportName[];
  /** Whether there is somebody to ask for a token. */
  readonly signIn: boolean;
  /** Failures in a row after which the next transport is tried. */
  readonly attempts: number;
}

/**
 * Subscriptions, what was seen of their jobs, and the one connection that brings them.
 *
 * **Invariants:** at most one connection is of interest at a time, and frames of others are passed
 * over; a token that was refused is never shown again; without a new one nothing is tried.
 */
export class Session {
  /** What is watched, and what is known of it. */
  readonly stream = new Stream();
  readonly #options: SessionOptions;
  readonly #outputs: Output[] = [];
  readonly #credential: Credential;
  readonly #backoff: Backoff;
  readonly #worked = new Set<number>();
  #phase: Phase = { state: "idle" };
  #transport = 0;
  #connections = 0;
  #offline = false;
  /** Whether somebody else has the connection: then this session makes none. */
  #resting = false;
  /** What is watched is no longer what a stream without messages brings. */
  #stale = false;
  /** The jobs that a poll names. */
  #polled: ReadonlySet<string | undefined> = new Set();
  /** When what is watched last changed, until the connection follows: changes that come together make one connection. */
  #changedAt: number | undefined;
  /** When the connection is given up unless something comes. */
  #silentAt: number | undefined;
  #silenceMs = CONNECT_MS;
  #closingAt: number | undefined;
  #lingerAt: number | undefined;
  /** When to look again at what has ended. */
  #lookAt: number | undefined;
  #lookMs = LOOK_MS;
  #closing: Closing | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#credential = new Credential(options.signIn);
    this.#backoff = new Backoff(options.attempts);
  }

  /** The next thing to do or to tell; `undefined` when there is none. */
  pollOutput(): Output | undefined {
    this.#collect();
    if (this.#outputs.length === 0 && this.#changedAt !== undefined) {
      const now = this.#changedAt;
      this.#changedAt = undefined;
      this.#settle(now);
    }
    return this.#outputs.shift();
  }

  /** When to call `handleTimeout`; `undefined` when only an event can change anything. */
  nextDeadline(): number | undefined {
    const phase = this.#phase;
    const renewAt = phase.state === "live" ? this.#credential.renewAt : undefined;
    const retryAt = phase.state === "waiting" ? phase.retryAt : undefined;
    const times = [this.#silentAt, this.#closingAt, this.#lingerAt, this.#lookAt, renewAt, retryAt].filter((time) => time !== undefined);
    return times.length > 0 ? Math.min(...times) : undefined;
  }

  /** How the connection is. */
  connection(): Link {
    const phase = this.#phase;
    if (phase.state === "asking") return { state: "connecting", transport: this.#name() };
    return phase.state === "waiting" ? { ...phase, offline: this.#offline } : phase;
  }

  /** Watches something, or counts one more reader of what is watched already. `key` names the selection. */
  subscribe(key: string, selection: Selection, now: number): void {
    if (!this.stream.subscribe(key, selection)) return;
    this.#lingerAt = undefined;
    this.#changed(now);
  }

  /** One reader less. */
  unsubscribe(key: string, now: number): void {
    if (this.stream.unsubscribe(key)) this.#changed(now);
  }

  /** Asks once more for what was refused. */
  retry(key: string, now: number): void {
    this.stream.forgive(key);
    this.#changed(now);
  }

  /** Asks for the events of a subscription once more, from an older position; see `Stream.replay`. */
  replay(number: number, replay: Replay, now: number): void {
    this.stream.replay(number, replay);
    this.#changed(now);
  }

  /** Looks whether what has ended has begun again, as after a command: over a WebSocket the server tells of it. */
  lookAgain(now: number): void {
    this.#lookMs = LOOK_MS;
    this.#look(now);
  }

  /** Somebody else brings what is watched, or nobody does: lets the connection go, and keeps what is known. */
  rest(): void {
    this.#drop();
    this.#resting = true;
    this.#enter({ state: "idle" });
  }

  /** Connects again for what is watched; with this token, if there is one. */
  wake(token: string | undefined, now: number): void {
    if (!this.#resting) return;
    this.#resting = false;
    this.#stale = false;
    if (token !== undefined && this.#isWanted() && this.#credential.take(token) === "new") this.#connect(now);
    else this.#settle(now);
  }

  /** A transport is through; for a poll, an answer came. */
  handleOpen(connection: number, now: number): void {
    const transport = this.#current(connection);
    if (!transport) return;
    this.#heard(now);
    switch (transport) {
      case "websocket": {
        // The same token again: the answer says until when it holds.
        this.#authenticate();
        this.stream.open();
        this.#collect();
        return;
      }
      case "events":
        return;
      case "poll":
        this.#lives();
        this.#proven();
        return;
    }
  }

  /** Something came that is no frame, as a comment does. */
  handleActivity(connection: number, now: number): void {
    if (this.#current(connection) !== undefined) this.#heard(now);
  }

  /** A message came, as parsed JSON. What is no frame is passed over. */
  handleFrame(connection: number, message: unknown, now: number, random: number): void {
    if (this.#current(connection) === undefined) return;
    this.#heard(now);
    const frame = readFrame(message);
    if (!frame) return;
    this.#lives();
    // A greeting or a refusal is no sign that the next connection will be better.
    if (frame.type !== "hello" && frame.type !== "error" && frame.type !== "closing") this.#proven();
    this.#frame(frame, now, random);
    this.#settle(now);
  }

  /** The connection is over. */
  handleClose(connection: number, close: Close, now: number, random: number): void {
    if (this.#current(connection) === undefined) return;
    this.#closed(close, now, random);
    this.#expect(now, random);
  }

  /** The application's answer to `token`; without one nobody is signed in. */
  handleToken(token: string | null | undefined, now: number): void {
    const taken = this.#credential.take(token);
    if (this.#phase.state === "asking") {
      if (!this.#isWanted()) this.#enter({ state: "idle" });
      else if (taken === "new") this.#connect(now);
      else this.#enter({ state: "signed_out", reason: taken === "none" ? "no_token" : this.#credential.reason });
    } else if (taken === "new" && this.#phase.state === "live" && this.#speaks()) {
      // Renewing in place: whoever has no other token keeps this one until the server ends it.
      this.#authenticate();
    }
  }

  /** The application could not be asked for a token: it is asked again later. */
  handleTokenFailure(reason: string, now: number, random: number): void {
    this.#credential.failed(now);
    if (this.#phase.state !== "asking") return;
    this.#lost(reason, now, this.#backoff.next(random) ?? Backoff.away(random));
  }

  /** The machine has a network, or none. An attempt is still made now and then: the server may be on this machine. */
  handleOnline(online: boolean, now: number): void {
    const changed = this.#offline === online;
    this.#offline = !online;
    if (!changed) return;
    if (this.#phase.state !== "waiting") this.#ping(now);
    else if (online) {
      // Another network: what did not get through may now.
      this.#transport = 0;
      this.#comeBack(now);
    } else this.#outputs.push({ type: "connection" });
  }

  /** Somebody looks at the page, or no longer does. A tab that slept finds out at once whether its connection did not survive. */
  handleVisible(visible: boolean, now: number): void {
    if (!visible) return;
    this.lookAgain(now);
    if (this.#phase.state === "waiting") this.#comeBack(now);
    else this.#ping(now);
  }

  /** Somebody has signed in, or wants another try after a refusal. */
  resume(now: number): void {
    this.stream.forgive();
    this.lookAgain(now);
    this.#credential.resume();
    if (this.#phase.state === "asking") return;
    this.#drop();
    this.#comeBack(now);
  }

  /** A deadline has passed. */
  handleTimeout(now: number, random: number): void {
    const passed = (deadline: number | undefined): boolean => deadline !== undefined && deadline <= now;
    if (passed(this.#lookAt)) {
      this.#lookMs = Math.min(2 * this.#lookMs, LONGEST_LOOK_MS);
      this.#look(now);
    }
    const phase = this.#phase;
    if (phase.state === "waiting" && passed(phase.retryAt)) this.#begin(now);
    if (!this.#current()) return;
    if (passed(this.#lingerAt)) {
      this.#drop();
      this.#enter({ state: "idle" });
    } else if (passed(this.#silentAt) || passed(this.#closingAt)) {
      this.#giveUp("nothing came for too long", now, random);
    } else if (phase.state === "live" && passed(this.#credential.renewAt)) {
      this.#credential.ask();
      this.#outputs.push({ type: "token" });
    }
  }

  #frame(frame: Frame, now: number, random: number): void {
    switch (frame.type) {
      case "hello":
        this.#silenceMs = Math.max(2 * frame.heartbeat_ms, PONG_MS);
        this.#heard(now);
        return;
      case "snapshot":
      case "update":
      case "event":
      case "gap":
      case "end":
        this.#take(frame, now, random);
        return;
      case "subscribed":
        this.stream.take(frame);
        return;
      case "error":
        if (frame.id === "auth") {
          // A server that asks nobody to sign in says so, once is enough.
          if (frame.code === "unauthenticated" || frame.code === "sign_in_under_way") this.#credential.failed(now);
        } else this.stream.take(frame);
        return;
      case "result":
        if (frame.id === "auth" && isObject(frame.data)) {
          const ends = frame.data["expires_at"];
          this.#credential.holdsUntil(typeof ends === "string" ? Date.parse(ends) : undefined, now, random);
        }
        return;
      case "closing":
        this.#closing = { reason: frame.reason, retryMs: frame.retry_ms };
        this.#closingAt = now + CLOSING_MS;
        return;
      case "heartbeat":
      case "pong":
      case "unknown":
        return;
    }
  }

  #take(frame: StreamFrame, now: number, random: number): void {
    const hole = this.stream.take(frame) === "hole";
    this.#collect();
    if (frame.type === "end" && !this.#speaks()) {
      // A poll answers at once, every time, while a job that it names has ended.
      this.#stale ||= this.#polled.has(frame.job);
      this.#expect(now, random);
    }
    if (hole) this.#giveUp("an update does not fit the last one", now, random);
  }

  #closed(close: Close, now: number, random: number): void {
    const closing = this.#closing;
    const wasLive = this.#phase.state === "live";
    const transport = this.#name();
    this.#forgetConnection();
    const ending = endingOf(close, closing);
    if (ending.type === "signed_out") {
      if (this.#credential.refuse(ending.reason)) this.#begin(now);
      else this.#enter({ state: "signed_out", reason: ending.reason });
      return;
    }
    if (ending.type === "seen") {
      this.stream.finish();
      this.#proven();
      this.#lost(close.reason, now, this.#nextWait(random));
      return;
    }
    const [first, second] = this.stream.standing(transport);
    if (transport !== "websocket" && first !== undefined && second === undefined && close.problem === "not_found") {
      this.stream.refuse(first.key, { code: close.problem, message: close.reason });
      this.#lost(close.reason, now, this.#nextWait(random));
      return;
    }
    if (ending.type === "refused") {
      this.#enter({ state: "refused", code: ending.code, reason: close.reason });
      return;
    }
    if (wasLive) this.#transport = Math.min(...this.#worked);
    const pause = closing?.retryMs ?? close.retryMs ?? 0;
    this.#lost(close.reason, now, Math.max(Math.min(pause, LONGEST_PAUSE_MS), this.#nextWait(random)));
  }

  /** The wait before the next attempt; after enough of them the next transport has its turn at once. */
  #nextWait(random: number): number {
    if (this.#offline) return Backoff.away(random);
    const wait = this.#backoff.next(random);
    if (wait !== undefined) return wait;
    this.#transport = (this.#transport + 1) % this.#options.transports.length;
    this.#backoff.reset();
    return 0;
  }

  #lost(reason: string, now: number, wait: number): void {
    if (!this.#isWanted()) this.#enter({ state: "idle" });
    else this.#enter({ state: "waiting", retryAt: now + wait, reason });
  }

  /** Does at once what it waits for. */
  #comeBack(now: number): void {
    this.#backoff.reset();
    this.#enter({ state: "idle" });
    this.#settle(now);
  }

  /** Makes the connection follow from what is watched. */
  #settle(now: number): void {
    const phase = this.#phase;
    switch (phase.state) {
      case "idle":
        if (this.#isWanted()) this.#begin(now);
        return;
      case "connecting":
      case "live":
        if (!this.#isWanted()) {
          this.#lingerAt ??= now + LINGER_MS;
          return;
        }
        if (this.#stale && phase.transport !== "websocket") {
          this.#drop();
          this.#begin(now);
        }
        return;
      case "waiting":
        if (!this.#isWanted()) this.#enter({ state: "idle" });
        return;
      case "asking":
      case "signed_out":
      case "refused":
        return;
    }
  }

  #look(now: number): void {
    this.#lookAt = undefined;
    if (!this.stream.hasSettled) return;
    this.stream.doubt();
    this.#changed(now);
  }

  /** Something may have ended that is looked at again in some time. */
  #expect(now: number, random: number): void {
    if (this.stream.hasSettled) this.#lookAt ??= now + this.#lookMs * (1 + random);
  }

  #begin(now: number): void {
    if (this.#credential.ask()) {
      this.#enter({ state: "asking" });
      this.#outputs.push({ type: "token" });
    } else this.#connect(now);
  }

  #connect(now: number): void {
    this.#forgetConnection();
    this.#connections += 1;
    this.#stale = false;
    const transport = this.#name();
    const connection = this.#connections;
    this.#silenceMs = transport === "poll" ? POLL_MS : CONNECT_MS;
    this.#silentAt = now + this.#silenceMs;
    const selections = this.#selections();
    this.#polled = new Set(transport === "poll" ? selections.map(({ selector }) => named(selector)) : []);
    const path = transport === "websocket" ? STREAM : address(selections, (selection) => this.stream.begin(selection), transport, this.stream.repeats);
    this.#outputs.push({ type: "connect", connection, transport, path, token: this.#credential.token });
    this.#enter({ state: "connecting", transport });
  }

  /** What a stream without messages has to bring. */
  #selections(): Selection[] {
    const own = this.stream.standing(this.#name()).map(({ selection }) => selection);
    return [...own, ...this.stream.lookUps()];
  }

  /** Whether there is anything to be connected for. */
  #isWanted(): boolean {
    return !this.#resting && this.stream.standing(this.#name()).length > 0;
  }

  #name(): TransportName {
    return this.#options.transports[this.#transport] ?? "poll";
  }

  /** The transport of a connection, when it is the one of interest. */
  #current(connection = this.#connections): TransportName | undefined {
    return connection === this.#connections && "transport" in this.#phase ? this.#phase.transport : undefined;
  }

  /** Whether messages can be sent. */
  #speaks(): boolean {
    return this.stream.isOpen && !this.#resting;
  }

  /** What is watched is another: a stream without messages has to be asked for anew. */
  #changed(now: number): void {
    if (!this.#speaks()) this.#stale = true;
    this.#collect();
    this.#changedAt = now;
  }

  /** Carries on what the stream wants sent and tells; while another has the connection, that one sends. */
  #collect(): void {
    for (let news = this.stream.pollNews(); news !== undefined; news = this.stream.pollNews()) this.#outputs.push(news);
    if (this.#resting) return;
    for (let message = this.stream.pollMessage(); message !== undefined; message = this.stream.pollMessage()) this.#send(message);
  }

  #authenticate(): void {
    const { token } = this.#credential;
    if (token !== undefined) this.#send({ type: "auth", token });
  }

  #send(message: ClientMessage): void {
    if (this.#current()) this.#outputs.push({ type: "send", connection: this.#connections, text: JSON.stringify(message) });
  }

  /** Asks whether a connection still lives that may have died unseen. */
  #ping(now: number): void {
    if (this.#phase.state !== "live" || !this.#speaks()) return;
    this.#send({ type: "ping" });
    this.#silentAt = Math.min(this.#silentAt ?? Infinity, now + PONG_MS);
  }

  #heard(now: number): void {
    this.#silentAt = now + this.#silenceMs;
  }

  #lives(): void {
    const phase = this.#phase;
    if (phase.state !== "connecting") return;
    this.#worked.add(this.#transport);
    this.#enter({ ...phase, state: "live" });
  }

  /** The connection is of use. */
  #proven(): void {
    this.#backoff.reset();
    this.#credential.proven();
  }

  #drop(): void {
    this.#disconnect();
    this.#forgetConnection();
  }

  #giveUp(reason: string, now: number, random: number): void {
    this.#disconnect();
    this.handleClose(this.#connections, { reason }, now, random);
  }

  #disconnect(): void {
    if (this.#current()) this.#outputs.push({ type: "disconnect", connection: this.#connections });
  }

  #forgetConnection(): void {
    if (!this.#resting) this.stream.close();
    this.#silentAt = undefined;
    this.#closingAt = undefined;
    this.#lingerAt = undefined;
    this.#closing = undefined;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#outputs.push({ type: "connection" });
  }
}
