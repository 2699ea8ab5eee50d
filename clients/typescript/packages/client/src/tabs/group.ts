// A tab among others of its browser: runs a `Tab` over a BroadcastChannel and Web Locks.

import type { ConnectionState } from "../session/connection.ts";
import type { Output } from "../session/output.ts";
import type { Session } from "../session/session.ts";
import type { Clock } from "../watch/clock.ts";
import type { TokenSource } from "../watch/options.ts";
import { lock, type Lock } from "./locks.ts";
import { Tab, type TabOutput } from "./tab.ts";

/** What tabs say to each other is of this version: others are other groups. */
const NAME = "headway/1";

/** What a group is given by the watcher whose session it wakes and rests. */
export interface Surrounding {
  readonly session: Session;
  /** The server, and how it is asked: others are other groups. */
  readonly server: string;
  readonly token: TokenSource | undefined;
  readonly clock: Clock;
  /** Something may have changed: carry on. */
  readonly changed: () => void;
}

/**
 * **Invariant:** a tab is in the group of those that hold the same token, or in none.
 */
export class Group {
  readonly #surrounding: Surrounding;
  readonly #id = crypto.randomUUID();
  readonly #tab: Tab;
  #own: Lock | undefined;
  #alive: Promise<boolean> | undefined;
  readonly #watched = new Map<string, Lock>();
  readonly #leave: () => void;
  #name: string | undefined;
  #channel: BroadcastChannel | undefined;
  #lock: Lock | undefined;
  #takeBack: (() => void) | undefined;
  #questions = 0;
  #closed = false;

  constructor(surrounding: Surrounding) {
    this.#surrounding = surrounding;
    this.#tab = new Tab(this.#id, surrounding.session);
    const visible = (): void => {
      this.#tab.handleVisible(document.visibilityState === "visible", this.#now());
      surrounding.changed();
    };
    const hidden = (): void => {
      // A page that is kept for going back must hold nothing, and says nothing meanwhile.
      this.#part(false);
      this.#own?.release();
      this.#own = undefined;
      this.#surrounding.changed();
    };
    const shown = ({ persisted }: PageTransitionEvent): void => {
      if (persisted) this.begin();
    };
    document.addEventListener("visibilitychange", visible);
    window.addEventListener("pagehide", hidden);
    window.addEventListener("pageshow", shown);
    this.#leave = () => {
      document.removeEventListener("visibilitychange", visible);
      window.removeEventListener("pagehide", hidden);
      window.removeEventListener("pageshow", shown);
    };
    this.#tab.handleVisible(document.visibilityState === "visible", this.#now());
  }

  /** How the connection is that this tab watches over. */
  connection(): ConnectionState {
    return this.#tab.connection();
  }

  /** Asks who is signed in, and enters that group. */
  begin(): void {
    if (this.#own === undefined) this.#live();
    void this.#ask(async (token) => {
      const name = await this.#nameOf(token);
      const lives = await this.#alive;
      return () => {
        this.#enter(lives === true ? name : undefined, token, false);
      };
    });
  }

  /** Holds a lock by which others see that this tab is there. */
  #live(): void {
    this.#alive = new Promise((resolve) => {
      this.#own = lock(lifeOf(this.#id), false, {
        held: () => {
          resolve(true);
        },
        refused: () => {
          resolve(false);
        },
      });
    });
  }

  /** A token that the session asked for: whether it may have it. One of another caller is for another group. */
  async admit(token: string | null): Promise<boolean> {
    const name = token === null ? undefined : await this.#nameOf(token);
    const isOurs = name === undefined || name === this.#name || (await this.#alive) !== true;
    if (this.#closed || isOurs || !this.#tab.connects) return this.#tab.connects;
    const { state } = this.#surrounding.session.connection();
    // One that is renewed in place is of the same caller, or the server refuses it.
    const connected = state === "live";
    this.#part(connected);
    this.#enter(name, token, connected);
    this.#surrounding.changed();
    return connected;
  }

  /** Somebody has signed in. */
  signedIn(): void {
    void this.#ask(async (token) => {
      const name = await this.#nameOf(token);
      return () => {
        if (name === this.#name) this.#tab.resume(this.#now());
        else {
          this.#part(false);
          this.#enter(name, token, false);
        }
      };
    });
  }

  /** A command was taken. */
  lookAgain(): void {
    this.#tab.lookAgain(this.#now());
  }

  /** Takes what the session tells. */
  note(output: Output): void {
    this.#tab.handleOutput(output, this.#now());
  }

  /** Does what the tab wants done. Whether `connection()` may be another. */
  run(): boolean {
    let changed = false;
    for (let output = this.#tab.pollOutput(); output !== undefined; output = this.#tab.pollOutput()) {
      if (output.type === "connection") changed = true;
      else this.#carryOut(output);
    }
    this.#takeBack?.();
    const deadline = this.#tab.nextDeadline();
    this.#takeBack =
      deadline === undefined
        ? undefined
        : this.#surrounding.clock.after(deadline - this.#now(), () => {
            this.#tab.handleTimeout(this.#now());
            this.#surrounding.changed();
          });
    return changed;
  }

  /** Leaves for good. */
  close(): void {
    if (this.#closed) return;
    this.#part(false);
    this.run();
    this.#closed = true;
    this.#takeBack?.();
    this.#leave();
    this.#own?.release();
  }

  /** Asks for the token, and does what follows unless it was asked again since. */
  async #ask(then: (token: string | null) => Promise<() => void>): Promise<void> {
    this.#questions += 1;
    const question = this.#questions;
    let act: () => void;
    try {
      act = await then((await this.#surrounding.token?.()) ?? null);
    } catch {
      // The session asks again, in its own time, and tells what came of it.
      act = () => {
        this.#part(true);
        this.#surrounding.session.wake(undefined, this.#now());
      };
    }
    if (this.#closed || question !== this.#questions) return;
    act();
    this.#surrounding.changed();
  }

  #enter(name: string | undefined, token: string | null, connected: boolean): void {
    this.#name = name;
    if (name === undefined) {
      // Nobody is signed in: there is nothing to share.
      this.#surrounding.session.wake(undefined, this.#now());
      return;
    }
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#tab.handleMessage(data, this.#now());
      this.#surrounding.changed();
    };
    this.#tab.join({ token: token ?? undefined, connected }, this.#now());
  }

  /** Leaves the group that it is in. */
  #part(connected: boolean): void {
    this.#questions += 1;
    this.#tab.leave(this.#now(), { connected });
    if (!connected) this.#surrounding.session.rest();
    // What it has to say is said before the channel is closed.
    this.run();
    this.#channel?.close();
    this.#channel = undefined;
    this.#name = undefined;
    for (const watched of this.#watched.values()) watched.release();
    this.#watched.clear();
  }

  #carryOut(output: Exclude<TabOutput, { type: "connection" }>): void {
    switch (output.type) {
      case "post":
        this.#channel?.postMessage(output.message);
        return;
      case "lock":
      case "steal":
        this.#lock?.release();
        this.#lock = this.#request(output.type === "steal");
        return;
      case "unlock":
        this.#lock?.release();
        this.#lock = undefined;
        return;
      case "watch":
        this.#watch(output.tab);
    }
  }

  #request(steal: boolean): Lock | undefined {
    if (this.#name === undefined) return undefined;
    const then = (handle: (now: number) => void): (() => void) => () => {
      if (this.#lock !== requested || this.#closed) return;
      handle(this.#now());
      this.#surrounding.changed();
    };
    const held = then((now) => {
      this.#tab.handleLock(now);
    });
    const lost = then((now) => {
      this.#tab.handleLockLost(now);
    });
    const requested: Lock = lock(this.#name, steal, { held, lost });
    return requested;
  }

  #watch(tab: string): void {
    if (this.#watched.has(tab)) return;
    const watched: Lock = lock(lifeOf(tab), false, {
      held: () => {
        watched.release();
        if (this.#watched.get(tab) !== watched) return;
        this.#watched.delete(tab);
        this.#tab.handleGone(tab, this.#now());
        this.#surrounding.changed();
      },
    });
    this.#watched.set(tab, watched);
  }

  /** The group of those that show this token; `undefined` when nobody is signed in where somebody has to be. */
  async #nameOf(token: string | null): Promise<string | undefined> {
    const { server, token: source } = this.#surrounding;
    if (source === undefined) return `${NAME}:${server}`;
    if (token === null || token === "") return undefined;
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
    const who = [...new Uint8Array(digest, 0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return `${NAME}:${server}:${who}`;
  }

  #now(): number {
    return this.#surrounding.clock.now();
  }
}

/** The lock that a tab holds for as long as it lives. */
function lifeOf(tab: string): string {
  return `${NAME}:tab:${tab}`;
}
