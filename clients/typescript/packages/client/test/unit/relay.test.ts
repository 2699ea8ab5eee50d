// What a leader tells of events that it cannot bring: a gap, and nothing is lost in silence.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { Session } from "../../src/session/session.ts";
import type { TransportName } from "../../src/session/connection.ts";
import type { StreamFrame } from "../../src/session/stream.ts";
import { Relay } from "../../src/tabs/relay.ts";
import { test } from "../../../../testing/test.ts";

const NOW = 1_800_000_000_000;

function cursor(version: number): string {
  return `0000000a-${version}`;
}

function snapshot(version: number): object {
  return { type: "snapshot", job: "a", cursor: cursor(version), state: { id: "a", status: "running", cursor: cursor(version) } };
}

/** A leader's session and what it tells the tab `t`. */
class Leader {
  readonly session: Session;
  readonly relay: Relay;
  readonly told: string[] = [];
  transport: TransportName | undefined;
  #connection = 0;
  #sent: Readonly<Record<string, unknown>>[] = [];

  constructor(transports: readonly TransportName[]) {
    this.session = new Session({ transports, signIn: false, attempts: 1 });
    this.relay = new Relay(this.session);
  }

  /** The tab asks for the events of `a` from a position. */
  ask(version: number): void {
    const message = { type: "subscribe", id: "1", job: "a", events: true, cursor: cursor(version) } as const;
    this.#note(this.relay.ask("t", [message], NOW));
    this.drain();
  }

  open(): void {
    this.session.handleOpen(this.#connection, NOW);
    this.drain();
  }

  say(frame: object): void {
    this.session.handleFrame(this.#connection, frame, NOW, 0);
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

  drain(): void {
    for (let output = this.session.pollOutput(); output !== undefined; output = this.session.pollOutput()) {
      if (output.type === "connect") {
        this.#connection = output.connection;
        this.transport = output.transport;
        this.#sent = [];
      }
      if (output.type === "send") this.#sent.push(JSON.parse(output.text) as Readonly<Record<string, unknown>>);
      for (const { frames } of this.relay.handleOutput(output, NOW)) this.#note(frames);
    }
  }

  #note(frames: readonly StreamFrame[]): void {
    for (const frame of frames) {
      if (frame.type === "gap") this.told.push(`gap ${frame.from} ${frame.to}`);
      else this.told.push(frame.type);
    }
  }
}

describe("a leader that cannot be asked for older events", () => {
  test("tells of a gap with the first state that comes", () => {
    const leader = new Leader(["events"]);
    leader.ask(3);
    leader.open();
    assert.deepEqual(leader.told, ["subscribed"]);
    leader.say(snapshot(9));
    assert.deepEqual(leader.told, ["subscribed", `gap ${cursor(3)} ${cursor(9)}`]);
    leader.say(snapshot(11));
    assert.equal(leader.told.length, 2, "once");
  });

  test("tells of no gap where nothing happened since", () => {
    const leader = new Leader(["poll"]);
    leader.ask(9);
    leader.open();
    leader.say(snapshot(9));
    assert.deepEqual(leader.told, ["subscribed"]);
  });

  for (const begun of [false, true]) {
    test(`tells of a gap when a WebSocket is lost ${begun ? "in the middle of" : "before"} older events`, () => {
      const leader = new Leader(["websocket", "events"]);
      leader.session.subscribe("own", { selector: { job: "a" } }, NOW);
      leader.drain();
      leader.open();
      leader.say(snapshot(9));
      leader.ask(3);
      const id = leader.name(3);
      assert.ok(id !== undefined, "older events are asked for");
      if (begun) {
        leader.say({ type: "subscribed", id, recovered: true, was_recovering: true });
        leader.say({ type: "event", job: "a", cursor: cursor(4), event: { type: "log", message: "four" } });
        assert.deepEqual(leader.told, ["subscribed"]);
      }
      for (let turns = 0; leader.transport === "websocket" && turns < 9; turns += 1) leader.cut();
      assert.equal(leader.transport, "events");
      assert.ok(leader.told.includes(`gap ${cursor(3)} ${cursor(9)}`), leader.told.join());
    });
  }

  test("tells of no gap when a WebSocket is lost after all of them came", () => {
    const leader = new Leader(["websocket", "events"]);
    leader.session.subscribe("own", { selector: { job: "a" } }, NOW);
    leader.drain();
    leader.open();
    leader.say(snapshot(9));
    leader.ask(3);
    leader.say({ type: "subscribed", id: leader.name(3), recovered: true, was_recovering: true });
    leader.say({ type: "event", job: "a", cursor: cursor(4), event: { type: "log", message: "four" } });
    leader.say(snapshot(9));
    for (let turns = 0; leader.transport === "websocket" && turns < 9; turns += 1) leader.cut();
    assert.deepEqual(leader.told, ["subscribed"]);
  });
});
