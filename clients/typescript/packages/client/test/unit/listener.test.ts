// From where a listener is told events, message by message: alike for a tab that is connected itself and
// for one that follows it.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { keyOf, type Selection } from "../../src/session/selection.ts";
import { Session } from "../../src/session/session.ts";
import { Tab } from "../../src/tabs/tab.ts";
import { cursorOf, PlayedConnection, PlayedServer } from "../support/played_server.ts";
import { test } from "../../../../testing/test.ts";

const NOW = 1_800_000_000_000;
const LIST: Selection = { selector: { tag: "x" } };
const LIST_LISTENER: Selection = { selector: { tag: "x" }, events: ["log"] };
const LISTENER: Selection = { selector: { job: "c" }, events: true };
const LOG: Selection = { selector: { job: "c" }, events: ["log"] };
const NOTE: Selection = { selector: { job: "c" }, events: ["note"] };

/** One tab, and what it was told of `c`. */
class Page {
  readonly session = new Session({ transports: ["websocket"], signIn: false, attempts: 5 });
  readonly tab: Tab;
  readonly events: string[] = [];
  readonly shown: string[] = [];

  constructor(id: string, first: readonly Selection[]) {
    this.session.rest();
    this.tab = new Tab(id, this.session);
    for (const selection of first) this.watch(selection);
    this.tab.join({}, NOW);
  }

  watch(selection: Selection): void {
    this.session.subscribe(keyOf(selection), selection, NOW);
  }

  close(selection: Selection): void {
    this.session.unsubscribe(keyOf(selection), NOW);
  }
}

/** Two tabs that share a connection, on which what the server says stays on its way until it is let through. */
class Two {
  readonly server = new PlayedServer();
  readonly leader: Page;
  readonly follower: Page;
  readonly #onTheWay: unknown[] = [];
  #connection: PlayedConnection | undefined;
  #number = 0;

  /** What both watch from the beginning. */
  constructor(first: readonly Selection[] = [LIST]) {
    this.leader = new Page("leader", first);
    this.follower = new Page("follower", first);
    this.leader.tab.handleLock(NOW);
    this.drain();
  }

  /** An event is logged, and the server says what it has to. */
  move(type = "log"): void {
    this.server.move("c", type);
    this.#connection?.tell();
  }

  /** What is on its way arrives; up to the first state of `c`, or all of it. */
  arrive(what: "first" | "all"): void {
    for (let frame = this.#onTheWay.shift(); frame !== undefined; frame = this.#onTheWay.shift()) {
      this.leader.session.handleFrame(this.#number, structuredClone(frame), NOW, 0);
      this.drain();
      if (what === "first" && this.leader.shown.length > 0) return;
    }
  }

  tell(): void {
    this.#connection?.tell();
  }

  /** The connection breaks; what happens before the next one is made. */
  cut(meanwhile: () => void): void {
    this.#connection = undefined;
    this.#onTheWay.length = 0;
    const { session } = this.leader;
    session.handleClose(this.#number, { code: 1006, reason: "cut" }, NOW, 0);
    this.drain();
    meanwhile();
    session.handleTimeout(NOW, 0);
    this.drain();
  }

  drain(): void {
    for (let busy = true; busy;) busy = [this.leader, this.follower].map((page) => this.#drainOne(page)).includes(true);
  }

  #drainOne(page: Page): boolean {
    let busy = false;
    for (let output = page.session.pollOutput(); output !== undefined; output = page.session.pollOutput()) {
      busy = true;
      if (output.type === "connect") {
        this.#number = output.connection;
        this.#connection = new PlayedConnection(this.server, (frame) => this.#onTheWay.push(frame));
        page.session.handleOpen(output.connection, NOW);
      }
      if (output.type === "send") this.#connection?.take(JSON.parse(output.text) as Readonly<Record<string, unknown>>);
      if (output.type === "event" && output.frame.type === "event") page.events.push(output.frame.cursor);
      const cursor = page.session.stream.lane("c")?.cursor;
      if (cursor !== undefined && page.shown.at(-1) !== cursor) page.shown.push(cursor);
      page.tab.handleOutput(output, NOW);
    }
    for (let output = page.tab.pollOutput(); output !== undefined; output = page.tab.pollOutput()) {
      busy = true;
      const other = page === this.leader ? this.follower : this.leader;
      if (output.type === "post") other.tab.handleMessage(structuredClone(output.message), NOW);
    }
    return busy;
  }
}

for (const role of ["leader", "follower"] as const) {
  describe(`a listener in the tab that is the ${role}`, () => {
    test("is told every event after the state that is held when it begins", () => {
      const two = new Two();
      const page = two[role];
      two.tell();
      two.arrive("first");
      assert.deepEqual(page.shown, [cursorOf(1)]);
      // It is on its way without its event, which nobody has asked for.
      two.move();
      page.watch(LISTENER);
      two.drain();
      two.move();
      two.arrive("all");
      assert.deepEqual(page.events, [cursorOf(2), cursorOf(3)]);
    });

    test("that holds nothing is told every event after the server took its question, whatever another watch is shown first", () => {
      const two = new Two();
      const page = two[role];
      // The states 1 and 2 are on their way to the list when somebody begins to listen.
      two.tell();
      two.move();
      page.watch(LISTENER);
      two.drain();
      two.move();
      two.arrive("all");
      two.move();
      two.arrive("all");
      assert.equal(page.shown[0], cursorOf(1));
      assert.equal(page.shown.at(-1), cursorOf(4));
      assert.deepEqual(page.events, [cursorOf(3), cursorOf(4)]);
    });

    test("to other events than one that is there already is told those that the other passed over, and each once", () => {
      const two = new Two();
      const page = two[role];
      page.watch(LOG);
      two.drain();
      two.tell();
      two.arrive("all");
      assert.equal(page.shown.at(-1), cursorOf(1));
      // Nobody asked for the first of them; the second is on its way when somebody does.
      two.move("note");
      two.move("log");
      page.watch(NOTE);
      two.drain();
      two.tell();
      two.arrive("all");
      assert.deepEqual(page.events, [cursorOf(2), cursorOf(3)]);
      assert.equal(page.shown.at(-1), cursorOf(3));
    });

    for (const beside of [[], [{ selector: { job: "c" } }], [NOTE]] as const) {
      test(`on many jobs is told what happened while nobody was connected, beside ${beside.length === 0 ? "nothing" : keyOf(beside[0])}`, () => {
        const two = new Two();
        const page = two[role];
        for (const selection of [LIST_LISTENER, ...beside]) page.watch(selection);
        two.drain();
        two.tell();
        two.arrive("all");
        two.move("log");
        two.arrive("all");
        two.cut(() => {
          two.move("log");
          two.move("log");
        });
        two.move("log");
        two.arrive("all");
        assert.deepEqual(page.events, [2, 3, 4, 5].map(cursorOf));
        assert.equal(page.shown.at(-1), cursorOf(5));
      });
    }

    test("that is gone before its question was answered takes nothing from the others", () => {
      const two = new Two();
      const page = two[role];
      page.watch(LOG);
      two.drain();
      two.tell();
      two.arrive("all");
      two.move("log");
      page.watch(NOTE);
      two.drain();
      page.close(NOTE);
      two.drain();
      two.tell();
      two.arrive("all");
      two.move("log");
      two.arrive("all");
      assert.deepEqual(page.events, [cursorOf(2), cursorOf(3)]);
      assert.equal(page.session.stream.has(keyOf(NOTE)), false);
    });
  });
}

test("a tab that holds nothing and listens to other events than its leader is told each after the state that it is shown", () => {
  const two = new Two([]);
  two.leader.watch(LOG);
  two.drain();
  two.tell();
  two.arrive("all");
  two.move("note");
  two.move("log");
  two.follower.watch(NOTE);
  two.drain();
  assert.deepEqual(two.follower.shown, [cursorOf(1)]);
  two.tell();
  two.arrive("all");
  assert.deepEqual(two.follower.events, [cursorOf(2), cursorOf(3)]);
});

test("what a leader answered to an older question is not taken for the answer to the newer one", () => {
  const session = new Session({ transports: ["websocket"], signIn: false, attempts: 5 });
  session.rest();
  session.subscribe(keyOf(LISTENER), LISTENER, NOW);
  const tab = new Tab("follower", session);
  tab.join({}, NOW);
  const rounds: unknown[] = [];
  let number = 0;
  const hear = (said: object): void => {
    number += 1;
    tab.handleMessage({ from: "leader", term: 1, number, ...said }, NOW);
    for (let output = tab.pollOutput(); output !== undefined; output = tab.pollOutput()) {
      if (output.type === "post" && output.message.type === "ask") rounds.push(output.message.round);
    }
  };
  const answer = (round: unknown, version: number): object => {
    const cursor = cursorOf(version);
    return { type: "answer", to: "follower", round, frames: [{ type: "snapshot", job: "c", cursor, state: { id: "c", cursor } }] };
  };
  const lead = { type: "lead", link: { state: "live", transport: "websocket" } };
  hear(lead);
  // A message is lost, so that the tab begins anew while the answer is on its way.
  number += 1;
  hear({ type: "pong" });
  hear(lead);
  assert.equal(rounds.length, 2);
  hear(answer(rounds[0], 1));
  assert.equal(session.stream.lane("c")?.cursor, undefined);
  hear(answer(rounds[1], 3));
  assert.equal(session.stream.lane("c")?.cursor, cursorOf(3));
});
