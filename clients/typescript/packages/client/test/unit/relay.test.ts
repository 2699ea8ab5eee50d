// How a leader has older events told again for a tab that is behind, over each transport.

import assert from "node:assert/strict";
import { describe } from "node:test";

import type { TransportName } from "../../src/session/connection.ts";
import { keyOf } from "../../src/session/selection.ts";
import { Session } from "../../src/session/session.ts";
import { Stream, type StreamFrame } from "../../src/session/stream.ts";
import { Follower } from "../../src/tabs/follower.ts";
import { Relay } from "../../src/tabs/relay.ts";
import { test } from "../../../../testing/test.ts";

const NOW = 1_800_000_000_000;

function cursor(version: number): string {
  return `0000000a-${version}`;
}

function snapshot(version: number, status = "running"): object {
  return { type: "snapshot", job: "a", cursor: cursor(version), state: { id: "a", status, cursor: cursor(version) } };
}

function log(version: number): object {
  return { type: "event", job: "a", cursor: cursor(version), event: { type: "log", message: String(version) } };
}

/** A leader that watches `a` without events, and what it tells the tab `t`. */
class Leader {
  readonly session: Session;
  readonly relay: Relay;
  readonly told: string[] = [];
  transport: TransportName | undefined;
  path = "";
  #connection = 0;
  #shown = 0;
  #sent: Readonly<Record<string, unknown>>[] = [];

  constructor(transports: readonly TransportName[]) {
    this.session = new Session({ transports, signIn: false, attempts: 1 });
    this.relay = new Relay(this.session);
    this.session.subscribe("own", { selector: { job: "a" } }, NOW);
    this.drain();
    this.open();
    this.say(snapshot(9));
  }

  /** The tab asks for the events of `a` from a position. */
  ask(version: number): void {
    const message = { type: "subscribe", id: "1", job: "a", events: true, cursor: cursor(version) } as const;
    this.#note(this.relay.ask("t", [message], NOW));
    this.drain();
  }

  /** The tab shows `a` once more, without its events. */
  show(): void {
    this.#shown += 1;
    this.#note(this.relay.ask("t", [{ type: "subscribe", id: `show ${this.#shown}`, job: "a" }], NOW));
    this.drain();
  }

  /** The tab's listener is gone. */
  withdraw(): void {
    this.#note(this.relay.ask("t", [{ type: "unsubscribe", id: "1" }], NOW));
    this.drain();
  }

  open(): void {
    this.session.handleOpen(this.#connection, NOW);
    this.drain();
  }

  say(...frames: readonly object[]): void {
    for (const frame of frames) this.session.handleFrame(this.#connection, frame, NOW, 0);
    this.drain();
  }

  /** The connection breaks, and the next one is begun. */
  cut(): void {
    this.session.handleClose(this.#connection, { reason: "cut" }, NOW, 0);
    this.drain();
    this.session.handleTimeout(NOW, 0);
    this.drain();
  }

  /** The name under which events from a position were asked for. */
  name(version: number): unknown {
    return this.#sent.find(({ cursor: from, events }) => from === cursor(version) && events === true)?.["id"];
  }

  /** The positions in the address of a stream without messages. */
  positions(): string | null {
    return new URL(this.path, "http://played").searchParams.get("cursor");
  }

  drain(): void {
    for (let output = this.session.pollOutput(); output !== undefined; output = this.session.pollOutput()) {
      if (output.type === "connect") {
        this.#connection = output.connection;
        this.transport = output.transport;
        this.path = output.path;
        this.#sent = [];
      }
      if (output.type === "send") this.#sent.push(JSON.parse(output.text) as Readonly<Record<string, unknown>>);
      for (const { frames } of this.relay.handleOutput(output, NOW)) this.#note(frames);
      if (output.type === "frame" && this.relay.isWanted(output.frame)) this.#note([output.frame]);
    }
  }

  #note(frames: readonly StreamFrame[]): void {
    for (const frame of frames) this.told.push("cursor" in frame ? `${frame.type} ${frame.cursor}` : frame.type);
  }
}

const REPLAY = ["subscribed", `event ${cursor(4)}`, `event ${cursor(8)}`, `snapshot ${cursor(9)}`];

for (const transport of ["events", "poll"] as const) {
  describe(`a leader over ${transport}`, () => {
    test("asks for what it watches anew, from the position of the tab that is behind", () => {
      const leader = new Leader([transport]);
      leader.ask(3);
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
      leader.open();
      leader.say(log(4), log(8), snapshot(9));
      assert.deepEqual(leader.told, REPLAY);
      // The tab has them now: whatever is asked for later begins at what is held.
      leader.session.subscribe("other", { selector: { tag: "x" } }, NOW);
      leader.drain();
      assert.deepEqual(leader.positions(), `a@${cursor(9)}`);
    });

    test("asks again when the connection breaks before a state has come after the events", () => {
      const leader = new Leader([transport]);
      leader.ask(3);
      leader.open();
      leader.say(log(4));
      leader.cut();
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
    });

    test("asks also for what has ended, of which it would ask for nothing more itself", () => {
      const leader = new Leader([transport]);
      leader.say(snapshot(10, "completed"), { type: "end", job: "a", cursor: cursor(10), status: "completed" });
      assert.equal(leader.session.connection().state, "live");
      leader.ask(3);
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
    });

    test("asks for nothing when nobody wants the events any more", () => {
      const leader = new Leader([transport]);
      leader.ask(3);
      leader.relay.gone("t", NOW);
      leader.cut();
      assert.doesNotMatch(leader.path, /events|a@/);
    });

    test("brings the older events though the listener that asked for them is gone, because others of its tab are due them", () => {
      const leader = new Leader([transport]);
      leader.ask(3);
      leader.open();
      leader.withdraw();
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
      leader.cut();
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
      leader.open();
      leader.say(log(4), log(8), snapshot(9));
      leader.cut();
      assert.doesNotMatch(leader.path, /events|a@/);
    });

    test("shows a tab that is due older events no state before them, whatever else it watches", () => {
      const leader = new Leader([transport]);
      leader.ask(3);
      leader.show();
      leader.open();
      leader.say(log(4), log(8), snapshot(9));
      assert.deepEqual(leader.told.filter((told) => told !== "subscribed"), REPLAY.slice(1));
      leader.show();
      assert.deepEqual(leader.told.slice(-2), ["subscribed", `snapshot ${cursor(9)}`]);
    });

    test("names a job once, however many watch it", () => {
      const leader = new Leader([transport]);
      leader.ask(9);
      leader.session.subscribe("slow", { selector: { job: "a" }, minIntervalMs: 500 }, NOW);
      leader.drain();
      const { searchParams } = new URL(leader.path, "http://played");
      assert.deepEqual([...searchParams], [["job", "a"], ["cursor", `a@${cursor(9)}`], ["events", "true"]]);
    });
  });
}

describe("a leader over a WebSocket", () => {
  for (const begun of [false, true]) {
    test(`that is lost ${begun ? "in the middle of" : "before"} older events asks for them over what comes next`, () => {
      const leader = new Leader(["websocket", "events"]);
      leader.ask(3);
      const id = leader.name(3);
      assert.ok(id !== undefined, "older events are asked for");
      if (begun) leader.say({ type: "subscribed", id, recovered: true, was_recovering: true }, log(4));
      for (let turns = 0; leader.transport === "websocket" && turns < 9; turns += 1) leader.cut();
      assert.equal(leader.transport, "events");
      assert.deepEqual(leader.positions(), `a@${cursor(3)}`);
      leader.open();
      leader.say(log(4), log(8), snapshot(9));
      assert.deepEqual(leader.told.slice(-4), REPLAY);
    });
  }

  for (const order of [["plain", "listening"], ["listening", "plain"]]) {
    test(`shows the state at once to a tab that asks for it ${order.join(" and ")}`, () => {
      const leader = new Leader(["websocket"]);
      const listening = { selector: { job: "a" }, events: true } as const;
      leader.session.subscribe(keyOf(listening), listening, NOW);
      leader.drain();
      // The state that this event made is still on its way.
      leader.say(log(10));
      const stream = new Stream();
      const follower = new Follower(stream);
      for (const key of order) stream.subscribe(key, { selector: { job: "a" }, events: key === "listening" });
      follower.answered(leader.relay.ask("t", follower.attach(), NOW));
      assert.equal(stream.lane("a")?.cursor, cursor(9));
    });
  }

  test("that is lost after all of them came asks for no more than what comes after", () => {
    const leader = new Leader(["websocket", "events"]);
    leader.ask(3);
    // Its own question, from the state that it holds, is answered first.
    const answers = [9, 3].map((version) => ({ type: "subscribed", id: leader.name(version), recovered: true, was_recovering: true }));
    leader.say(...answers, log(4), log(8), snapshot(9));
    assert.deepEqual(leader.told, REPLAY);
    for (let turns = 0; leader.transport === "websocket" && turns < 9; turns += 1) leader.cut();
    assert.equal(new URL(leader.path, "http://played").searchParams.get("last_event_id"), cursor(9));
  });
});
