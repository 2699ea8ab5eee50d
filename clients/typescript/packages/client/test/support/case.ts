// One case of schema/corpus/session, played against a session with a virtual clock.

import assert from "node:assert/strict";

import type { Close } from "../../src/session/connection.ts";
import type { Output } from "../../src/session/output.ts";
import type { Selection, Selector } from "../../src/session/selection.ts";
import { Session } from "../../src/session/session.ts";

/** A case's file. */
export interface Case {
  readonly about: string;
  /** Clients that it is for; all unless said. */
  readonly clients?: readonly string[];
  readonly options?: { readonly transports?: readonly ("websocket" | "events" | "poll")[]; readonly sign_in?: boolean; readonly attempts?: number };
  readonly steps: readonly Step[];
}

type Step = Readonly<Record<string, unknown>>;

/** When every case begins. */
const BEGINNING = Date.parse("2026-01-10T09:30:00.000Z");
/** Between two heartbeats. */
const HEARTBEAT_MS = 20_000;

/** Plays a case from its beginning to its end. */
export class Player {
  readonly #session: Session;
  readonly #watches = new Map<string, string>();
  readonly #done: unknown[] = [];
  readonly #events: string[] = [];
  #now = BEGINNING;
  #random = 1;
  #connection = 0;

  constructor({ options = {} }: Case) {
    this.#session = new Session({
      transports: options.transports ?? ["websocket", "events", "poll"],
      signIn: options.sign_in ?? false,
      attempts: options.attempts ?? 5,
    });
  }

  /** Does what a step says, or checks what it expects. */
  play(step: Step): void {
    const [word, value] = Object.entries(step)[0] ?? assert.fail("an empty step");
    const session = this.#session;
    switch (word) {
      case "watch":
        this.#watch(value as string, step["selector"] as Selector, step["events"] as Selection["events"]);
        break;
      case "unwatch":
        session.unsubscribe(this.#key(value as string), this.#now);
        break;
      case "open":
        session.handleOpen(this.#connection, this.#now);
        break;
      case "frame":
        session.handleFrame(this.#connection, value, this.#now, this.#random);
        break;
      case "close": {
        const { retry_ms: retryMs, ...close } = value as Partial<Close> & { retry_ms?: number };
        const whole: Close = { ...close, reason: close.reason ?? "", ...(retryMs !== undefined && { retryMs }) };
        session.handleClose(this.#connection, whole, this.#now, this.#random);
        break;
      }
      case "token":
        session.handleToken(value as string | null, this.#now);
        break;
      case "token_failure":
        session.handleTokenFailure(value as string, this.#now, this.#random);
        break;
      case "online":
        session.handleOnline(value as boolean, this.#now);
        break;
      case "visible":
        session.handleVisible(value as boolean, this.#now);
        break;
      case "signed_in":
        session.resume(this.#now);
        break;
      case "command":
        session.lookAgain(this.#now);
        break;
      case "random":
        this.#random = value as number;
        break;
      case "wait_ms":
        this.#pass(value as number);
        break;
      case "heartbeats_ms":
        this.#heartbeats(value as number);
        break;
      default:
        this.#check(word, value, step);
    }
    // Steps that happen together are followed by what comes of all of them.
    if (step["together"] !== true) this.#drain();
  }

  /** What was done and not looked at. */
  get left(): readonly unknown[] {
    return this.#done;
  }

  #check(word: string, value: unknown, step: Step): void {
    const session = this.#session;
    const each = (check: (name: string, expected: unknown) => void): void => {
      for (const [name, expected] of Object.entries(value as object)) check(name, expected);
    };
    switch (word) {
      case "does":
        assert.deepEqual(this.#done.splice(0), value);
        break;
      case "job":
        assert.deepEqual(session.stream.lane(value as string)?.job ?? null, step["is"]);
        break;
      case "connection":
        each((name, expected) => {
          assert.deepEqual((session.connection() as unknown as Record<string, unknown>)[name], expected, name);
        });
        break;
      case "events":
        assert.deepEqual(this.#events, value);
        break;
      case "ended":
        each((job, expected) => {
          assert.equal(session.stream.lane(job)?.ended, expected, job);
        });
        break;
      case "refused":
        each((watch, expected) => {
          assert.equal(session.stream.refusal(this.#key(watch))?.code ?? null, expected, watch);
        });
        break;
      case "lists":
        each((watch, expected) => {
          assert.deepEqual([...session.stream.lanes(this.#key(watch))].map(([id]) => id).sort(), expected);
        });
        break;
      default:
        assert.fail(`\`${word}\` is no step`);
    }
  }

  #watch(name: string, selector: Selector, events: Selection["events"]): void {
    const key = JSON.stringify([selector, events]);
    this.#watches.set(name, key);
    this.#session.subscribe(key, { selector, events }, this.#now);
  }

  #key(watch: string): string {
    return this.#watches.get(watch) ?? assert.fail(`nothing is watched as \`${watch}\``);
  }

  /** Time passes, and every deadline is kept to the millisecond. */
  #pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let turns = 0; ; turns += 1) {
      assert.ok(turns < 10_000, "deadlines come without end");
      const deadline = this.#session.nextDeadline();
      if (deadline === undefined || deadline > end) break;
      this.#now = Math.max(this.#now, deadline);
      this.#session.handleTimeout(this.#now, this.#random);
      this.#drain();
    }
    this.#now = end;
  }

  #heartbeats(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= HEARTBEAT_MS) {
      this.#pass(Math.min(left, HEARTBEAT_MS));
      this.#session.handleFrame(this.#connection, { type: "heartbeat", at: "" }, this.#now, this.#random);
    }
  }

  #drain(): void {
    for (let output = this.#session.pollOutput(); output !== undefined; output = this.#session.pollOutput()) this.#note(output);
  }

  #note(output: Output): void {
    switch (output.type) {
      case "token":
        this.#done.push({ asks: "token" });
        return;
      case "connect":
        this.#connection = output.connection;
        this.#done.push({
          connect: output.transport,
          path: output.path,
          ...(output.token !== undefined && { token: output.token }),
        });
        return;
      case "send":
        this.#done.push({ send: JSON.parse(output.text) as unknown });
        return;
      case "disconnect":
        this.#done.push({ disconnect: true });
        return;
      case "event": {
        const { frame } = output;
        const event = frame.type === "gap" ? `gap:${frame.reason}` : (frame.event as { message: string }).message;
        this.#events.push(event);
        return;
      }
      case "connection":
      case "job":
      case "subscription":
      case "frame":
      case "replayed":
        return;
    }
  }
}
