// A tab among those that share a connection: who has it, and what follows from that. No I/O, no clock.
//
// Whoever holds the group's lock leads: its session connects, and it tells the others what comes. The
// others' sessions rest. The lock decides, messages never do: who hears another leader goes on until it
// loses the lock. Call `handle…`, then `pollOutput` until it gives nothing, then wait for the next event
// or until `nextDeadline`, and then call `handleTimeout`. Times are those of the session.

import type { ConnectionState, Link } from "../session/connection.ts";
import type { Output } from "../session/output.ts";
import type { Session } from "../session/session.ts";
import { Follower } from "./follower.ts";
import { readMessage, type Asked, type Message, type Told } from "./message.ts";
import { Relay } from "./relay.ts";

/** How long the group may take to answer a tab that somebody looks at, or one that nobody does. */
const ANSWER_MS = { seen: 3_000, hidden: 30_000 };
/** After how long without a word a follower asks whether its leader lives. */
const QUIET_MS = { seen: 5_000, hidden: 60_000 };
/** How long the lock may take that is taken from a leader which does not answer. */
const STEAL_MS = 2_000;

/** One thing that a tab wants done, in order. */
export type TabOutput =
  /** Say this to the others. */
  | { readonly type: "post"; readonly message: Message }
  /** Wait for the group's lock, and say `handleLock` when it is there. */
  | { readonly type: "lock" }
  /** Take the lock from whoever holds it. */
  | { readonly type: "steal" }
  /** Give the lock back, or wait for it no longer. */
  | { readonly type: "unlock" }
  /** Say `handleGone` when this tab is not there any more. */
  | { readonly type: "watch"; readonly tab: string }
  /** `connection()` is another. */
  | { readonly type: "connection" };

type Phase =
  /** In no group. */
  | { readonly role: "outside" }
  /** Waits for the lock or for a leader; `stealing` when neither came. */
  | { readonly role: "joining"; readonly until: number; readonly stealing: boolean }
  /** Connects itself, because the group did not answer; still waits for the lock or for a leader. */
  | { readonly role: "alone" }
  | { readonly role: "leads"; readonly relay: Relay }
  | {
      readonly role: "follows";
      readonly leader: string;
      readonly link: Link;
      readonly number: number;
      /** When the leader last said something, and whether it was asked to since. */
      readonly heardAt: number;
      readonly askedAt: number | undefined;
    };

/** How a tab begins in a group. */
export interface Joining {
  /** The token that was just asked for. */
  readonly token?: string | undefined;
  /** Whether its session is connected already: then it stays so until it follows. */
  readonly connected?: boolean;
}

/**
 * **Invariants:** the session connects only while the tab leads or is alone; what a leader says is taken
 * from the one leader that is followed, and in the order in which it was said.
 */
export class Tab {
  readonly #id: string;
  readonly #session: Session;
  readonly #follower: Follower;
  readonly #outputs: TabOutput[] = [];
  #phase: Phase = { role: "outside" };
  #term = 0;
  #number = 0;
  /** How often it asked anew: what answers an older question is no longer meant. */
  #round = 0;
  #visible = true;
  #token: string | undefined;
  #told = "";

  /** `id` is of this tab alone. The session must rest. */
  constructor(id: string, session: Session) {
    this.#id = id;
    this.#session = session;
    this.#follower = new Follower(session.stream);
  }

  /** The next thing to do. */
  pollOutput(): TabOutput | undefined {
    const phase = this.#phase;
    if (phase.role === "follows") {
      const asks = this.#follower.asks();
      if (asks.length > 0) this.#ask(phase.leader, asks, false);
    }
    return this.#outputs.shift();
  }

  /** When to call `handleTimeout`; `undefined` when only an event can change anything. */
  nextDeadline(): number | undefined {
    const phase = this.#phase;
    switch (phase.role) {
      case "joining":
        return phase.until;
      case "follows":
        return phase.askedAt === undefined ? phase.heardAt + this.#bound(QUIET_MS) : phase.askedAt + this.#bound(ANSWER_MS);
      case "outside":
      case "alone":
      case "leads":
        return undefined;
    }
  }

  /** How the connection is that this tab watches over. */
  connection(): ConnectionState {
    const phase = this.#phase;
    switch (phase.role) {
      case "joining":
        return { ...(this.#isIdle() ? { state: "idle" } : { state: "connecting", transport: "websocket" }), tab: "alone" };
      case "follows":
        return { ...(this.#isIdle() ? { state: "idle" } : phase.link), tab: "follows" };
      case "leads":
        return { ...this.#session.connection(), tab: "leads" };
      case "outside":
      case "alone":
        return { ...this.#session.connection(), tab: "alone" };
    }
  }

  /** Whether the session connects, so that tokens are for it. */
  get connects(): boolean {
    const { role } = this.#phase;
    return role === "leads" || role === "alone" || role === "outside";
  }

  /** Enters a group. */
  join({ token, connected = false }: Joining, now: number): void {
    this.#token = token;
    this.#outputs.push({ type: "lock" });
    if (connected) this.#phase = { role: "alone" };
    else this.#joining(now);
    this.#hello();
    this.#outputs.push({ type: "connection" });
  }

  /** Leaves the group; the session rests, unless it is to stay `connected`. */
  leave(now: number, { connected = false }: { readonly connected?: boolean } = {}): void {
    const phase = this.#phase;
    if (phase.role === "outside") return;
    this.#post({ type: "bye", from: this.#id, term: this.#term });
    this.#outputs.push({ type: "unlock" });
    this.#end(now);
    this.#phase = { role: "outside" };
    if (!connected) this.#session.rest();
    this.#outputs.push({ type: "connection" });
  }

  /** The lock is this tab's. */
  handleLock(now: number): void {
    const phase = this.#phase;
    if (phase.role === "outside" || phase.role === "leads") return;
    // Whoever is connected already has a stream that stays open.
    if (phase.role !== "alone") this.#follower.detach();
    this.#term = Math.max(this.#term + 1, Math.floor(now));
    this.#number = 0;
    this.#told = "";
    this.#phase = { role: "leads", relay: new Relay(this.#session) };
    if (phase.role !== "alone") this.#session.wake(this.#token, now);
    this.#token = undefined;
    this.#announce();
    this.#outputs.push({ type: "connection" });
  }

  /** Another tab has taken the lock, because this one did not answer. */
  handleLockLost(now: number): void {
    if (this.#phase.role === "outside") return;
    this.#outputs.push({ type: "lock" });
    if (this.#phase.role !== "leads") return;
    this.#post({ type: "bye", from: this.#id, term: this.#term });
    this.#end(now);
    this.#session.rest();
    this.#joining(now);
    this.#hello();
  }

  /** A tab that was to be watched is not there any more. */
  handleGone(tab: string, now: number): void {
    if (this.#phase.role === "leads") this.#phase.relay.gone(tab, now);
  }

  /** Somebody looks at this tab, or no longer does. */
  handleVisible(visible: boolean, now: number): void {
    this.#visible = visible;
    const phase = this.#phase;
    if (!visible) return;
    if (phase.role === "follows") {
      this.#ping(phase, now);
      this.lookAgain(now);
    } else if (phase.role === "joining") this.#phase = { ...phase, until: Math.min(phase.until, now + ANSWER_MS.seen) };
  }

  /** Somebody has signed in as whoever the group is for. */
  resume(now: number): void {
    if (this.#phase.role === "follows") this.#post({ type: "resume", from: this.#id, to: this.#phase.leader, term: this.#term });
    else this.#session.resume(now);
  }

  /** Looks whether what has ended has begun again, over whosever connection it is. */
  lookAgain(now: number): void {
    if (this.#phase.role === "follows") this.#post({ type: "look", from: this.#id, to: this.#phase.leader, term: this.#term });
    else this.#session.lookAgain(now);
  }

  /** What the session tells while it connects. */
  handleOutput(output: Output, now: number): void {
    const phase = this.#phase;
    if (output.type === "connection") this.#outputs.push({ type: "connection" });
    if (phase.role !== "leads") return;
    if (output.type === "connection") this.#announceChange();
    for (const { to, frames } of phase.relay.handleOutput(output, now)) this.#tell({ type: "answer", to, frames });
    if (output.type === "frame" && phase.relay.isWanted(output.frame)) this.#tell({ type: "tell", frame: output.frame });
  }

  /** Something was said; what is no message of this protocol is passed over. */
  handleMessage(said: unknown, now: number): void {
    const message = readMessage(said);
    if (message === undefined || message.from === this.#id) return;
    const phase = this.#phase;
    switch (message.type) {
      case "hello":
        if (phase.role !== "leads") return;
        this.#outlast(message.term);
        this.#announce();
        return;
      case "bye":
        if (phase.role === "leads" && message.to === undefined) phase.relay.gone(message.from, now);
        else if (phase.role === "follows" && phase.leader === message.from) this.#lose(now);
        return;
      case "ask":
        if (message.to === this.#id && phase.role === "leads") this.#serve(phase.relay, message, now);
        return;
      case "ping":
        if (message.to !== this.#id) return;
        if (phase.role === "leads") this.#tell({ type: "pong" });
        else this.#post({ type: "bye", from: this.#id, to: message.from, term: this.#term });
        return;
      case "resume":
        if (message.to === this.#id && phase.role === "leads") this.#session.resume(now);
        return;
      case "look":
        if (message.to === this.#id && phase.role === "leads") this.#session.lookAgain(now);
        return;
      case "lead":
      case "pong":
      case "answer":
      case "tell":
        this.#hear(message, now);
    }
  }

  /** A deadline has passed. */
  handleTimeout(now: number): void {
    const deadline = this.nextDeadline();
    if (deadline === undefined || deadline > now) return;
    const phase = this.#phase;
    if (phase.role === "joining" && phase.stealing) {
      // Whoever keeps the lock does not speak: better two connections than none.
      this.#phase = { role: "alone" };
      this.#session.wake(this.#token, now);
      this.#token = undefined;
      this.#outputs.push({ type: "connection" });
    } else if (phase.role === "joining") this.#steal(now);
    else if (phase.role === "follows" && phase.askedAt === undefined) this.#ping(phase, now);
    else if (phase.role === "follows") {
      this.#follower.detach();
      this.#steal(now);
    }
  }

  #hear(message: Message & Told, now: number): void {
    const phase = this.#phase;
    if (phase.role === "outside" || phase.role === "leads") return;
    if (phase.role !== "follows" || phase.leader !== message.from || this.#term !== message.term) {
      // A leader that was thought dead may still speak; the newer one is heard.
      if (message.type !== "lead") return;
      if (message.term > this.#term || (phase.role !== "follows" && message.term === this.#term)) this.#follow(message, now);
      else if (phase.role !== "follows") this.#hello();
      return;
    }
    if (message.number !== phase.number + 1) {
      this.#lose(now);
      return;
    }
    const link = message.type === "lead" ? message.link : phase.link;
    this.#phase = { ...phase, link, number: message.number, heardAt: now, askedAt: undefined };
    if (message.type === "lead") this.#outputs.push({ type: "connection" });
    if (message.type === "tell") this.#follower.told(message.frame);
    if (message.type === "answer" && message.to === this.#id && (message.round ?? this.#round) === this.#round) this.#follower.answered(message.frames);
  }

  #follow({ from, term, number, link }: Extract<Message, { type: "lead" }>, now: number): void {
    if (this.#phase.role === "alone") this.#session.rest();
    this.#token = undefined;
    this.#term = term;
    this.#phase = { role: "follows", leader: from, link, number, heardAt: now, askedAt: undefined };
    this.#round += 1;
    this.#ask(from, this.#follower.attach(), true);
    this.#outputs.push({ type: "connection" });
  }

  /** The leader is not heard any more, or not all of what it said. */
  #lose(now: number): void {
    this.#follower.detach();
    this.#joining(now);
    this.#hello();
  }

  #joining(now: number): void {
    this.#phase = { role: "joining", until: now + this.#bound(ANSWER_MS), stealing: false };
    this.#outputs.push({ type: "connection" });
  }

  #steal(now: number): void {
    this.#outputs.push({ type: "steal" });
    this.#phase = { role: "joining", until: now + STEAL_MS, stealing: true };
    this.#outputs.push({ type: "connection" });
  }

  #serve(relay: Relay, { from, messages, anew, round, term }: Extract<Message, { type: "ask" }>, now: number): void {
    if (term !== this.#term) {
      this.#announce();
      return;
    }
    if (anew) relay.gone(from, now);
    if (!relay.has(from)) this.#outputs.push({ type: "watch", tab: from });
    const frames = relay.ask(from, messages, now);
    if (frames.length > 0) this.#tell({ type: "answer", to: from, round, frames });
  }

  #ping(phase: Extract<Phase, { role: "follows" }>, now: number): void {
    this.#post({ type: "ping", from: this.#id, to: phase.leader, term: this.#term });
    this.#phase = { ...phase, askedAt: now };
  }

  /** What belongs to leading ends. */
  #end(now: number): void {
    const phase = this.#phase;
    if (phase.role === "leads") phase.relay.close(now);
    if (phase.role === "follows") this.#follower.detach();
  }

  /** Leads in a term after one that others know. */
  #outlast(term: number): void {
    if (term <= this.#term) return;
    this.#term = term + 1;
    this.#number = 0;
  }

  #announceChange(): void {
    const link = JSON.stringify(this.#session.connection());
    if (link !== this.#told) this.#announce();
  }

  #announce(): void {
    const link = this.#session.connection();
    this.#told = JSON.stringify(link);
    this.#tell({ type: "lead", link });
  }

  #hello(): void {
    this.#post({ type: "hello", from: this.#id, term: this.#term });
  }

  #ask(to: string, messages: readonly Asked[], anew: boolean): void {
    this.#post({ type: "ask", from: this.#id, to, term: this.#term, anew, round: this.#round, messages });
  }

  #tell(told: { readonly [Type in Told["type"]]: Omit<Extract<Told, { type: Type }>, "number"> }[Told["type"]]): void {
    this.#number += 1;
    this.#post({ ...told, number: this.#number, from: this.#id, term: this.#term });
  }

  #post(message: Message): void {
    this.#outputs.push({ type: "post", message });
  }

  #isIdle(): boolean {
    return this.#session.stream.standing("websocket").length === 0;
  }

  #bound({ seen, hidden }: { readonly seen: number; readonly hidden: number }): number {
    return this.#visible ? seen : hidden;
  }
}
