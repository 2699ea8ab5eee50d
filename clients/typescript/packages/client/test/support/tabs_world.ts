// Tabs of one browser on a virtual clock: their channel, their locks and their server are played here,
// with all the delays and ends that a browser has.

import assert from "node:assert/strict";

import type { TransportName } from "../../src/session/connection.ts";
import { Session } from "../../src/session/session.ts";
import type { Output } from "../../src/session/output.ts";
import { keyOf, wants, type Selection } from "../../src/session/selection.ts";
import { Tab, type TabOutput } from "../../src/tabs/tab.ts";
import { chance } from "./chance.ts";
import { cursorOf, JOBS, PlayedConnection, PlayedServer, TYPES } from "./played_server.ts";

/** A lock: who holds it and who waits, in order. */
interface Queue {
  holder: PlayedTab | undefined;
  readonly waiting: PlayedTab[];
}

/** What one watch saw. */
interface Watch {
  readonly selection: Selection;
  readonly seen: number[];
  /** The position after which it is due every event of a type. */
  readonly since: Map<string, number>;
  /** The first state that it was shown. */
  shown: number | undefined;
  gaps: number;
}

class PlayedTab {
  readonly id: string;
  readonly session: Session;
  readonly tab: Tab;
  readonly watches = new Map<string, Watch>();
  /** The newest version of each job that was shown. */
  readonly shown = new Map<string, number>();
  connection: { readonly number: number; readonly played: PlayedConnection } | undefined;
  frozen = false;
  gone = false;
  /** What happened to it while it was frozen. */
  readonly kept: (() => void)[] = [];
  /** When the last thing from each source arrives: each comes in order. */
  readonly arrivals = new Map<string, number>();

  constructor(id: string, transport: TransportName) {
    this.id = id;
    this.session = new Session({ transports: [transport], signIn: false, attempts: 5 });
    this.session.rest();
    this.tab = new Tab(id, this.session);
  }
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly happen: () => void;
}

/** What somebody watches who comes and goes at the end. */
const VISITOR: Selection = { selector: { job: "c" }, events: ["log", "none"] };

/** Which events somebody listens to. */
const FILTERS: readonly Selection["events"][] = [undefined, true, ["log"], ["note"], ["log", "note"]];

/** Everything, for one seed. */
export class TabsWorld {
  readonly server = new PlayedServer();
  readonly #random: () => number;
  readonly #lock: Queue = { holder: undefined, waiting: [] };
  readonly #life = new Map<string, PlayedTab[]>();
  readonly #happenings: Happening[] = [];
  #tabs: PlayedTab[] = [];
  /** Every connection that there ever was. */
  readonly #connections: PlayedConnection[] = [];
  #made = 0;
  #order = 0;
  #now = 1_800_000_000_000;
  #calm = false;

  constructor(seed: number) {
    this.#random = chance(seed);
  }

  run(): void {
    this.#open();
    for (let turn = 0; turn < 300; turn += 1) {
      this.#act();
      const dice = this.#random();
      // Often the next thing happens before what came of the last one has arrived.
      this.#pass(this.#random() * (dice < 0.1 ? 20_000 : dice < 0.5 ? 400 : 15));
    }
    this.#calm = true;
    for (const tab of this.#tabs) if (tab.frozen) this.#thaw(tab);
    if (this.#tabs.length === 0) this.#open();
    this.#pass(60_000);
    const visitor = this.#open();
    this.#watch(visitor, VISITOR);
    this.#drain(visitor);
    this.#pass(10_000);
    this.#vanish(visitor, false);
    for (let turn = 0; turn < 6; turn += 1) {
      for (const id of JOBS) this.server.move(id, TYPES[turn % 2], turn === 5 && id === "b" ? "completed" : "running");
      this.#pass(20_000);
    }
    this.#pass(60_000);
    this.#checkEnd();
  }

  #checkEnd(): void {
    const leaders = this.#tabs.filter(({ tab }) => tab.connection().tab === "leads");
    assert.equal(leaders.length, 1, `one leads in the end: ${JSON.stringify(this.#tabs.map(({ id, tab }) => [id, tab.connection()]))}`);
    const connections = this.#tabs.filter(({ connection }) => connection !== undefined);
    assert.ok(connections.length <= 1, `${connections.length} connections in the end`);
    // What only tabs wanted that are not there any more is let go.
    assert.equal(leaders[0]?.session.stream.has(keyOf(VISITOR)), false, "the leader holds what a tab watched that is gone");
    for (const tab of this.#tabs) {
      for (const { selection, seen, since, shown, gaps } of tab.watches.values()) {
        const id = "job" in selection.selector ? selection.selector.job : undefined;
        for (const job of id === undefined ? JOBS : [id]) {
          const lane = tab.session.stream.lane(job);
          assert.deepEqual(lane?.job, this.server.state(job), `${job} in ${tab.id} in the end`);
          assert.equal(lane?.ended, job === "b", `the end of ${job} in ${tab.id}`);
        }
        if (id === undefined || selection.events === undefined) continue;
        assert.equal(gaps, 0, `${tab.id} was told of a gap`);
        const { events } = this.server.job(id);
        const wanted = [...events].filter(([, type]) => wants(selection.events, type));
        const from = (type: string): number => since.get(type) ?? shown ?? 0;
        const due = wanted.filter(([event, type]) => event > from(type)).map(([event]) => event);
        const had = seen.filter((event) => event > from(events.get(event) ?? ""));
        const which = `${JSON.stringify(selection.events)} of ${id} in ${tab.id} since ${JSON.stringify([...since])}`;
        assert.deepEqual(had, due, which);
      }
    }
  }

  #act(): void {
    const dice = this.#random();
    const tab = this.#tabs[Math.floor(this.#random() * this.#tabs.length)];
    if (dice < 0.4) this.#move();
    else if (dice < 0.5 && this.#tabs.length < 6) this.#open();
    else if (tab === undefined) return;
    else if (dice < 0.56) this.#vanish(tab, this.#random() < 0.5);
    else if (dice < 0.62) tab.frozen = true;
    else if (dice < 0.72) this.#thaw(tab);
    else if (dice < 0.78) this.#visible(tab);
    else if (dice < 0.84) this.#cut(tab);
    else if (dice < 0.92) this.#changeView(tab);
    else if (dice < 0.94 && !tab.frozen) {
      tab.tab.resume(this.#now);
      this.#drain(tab);
    }
  }

  /** Jobs move; what the server says of it at once is the events, or all there is, or nothing. */
  #move(): void {
    for (let moves = 1 + Math.floor(this.#random() * 3); moves > 0; moves -= 1) {
      const event = this.#random() < 0.6 ? TYPES[Math.floor(this.#random() * 2)] : undefined;
      this.server.move(JOBS[Math.floor(this.#random() * 3)] ?? "a", event);
      for (const { connection } of this.#tabs) if (this.#random() < 0.5) connection?.played.tell(this.#random() < 0.3);
    }
  }

  #visible(tab: PlayedTab): void {
    if (tab.frozen) return;
    const visible = this.#random() < 0.6;
    tab.tab.handleVisible(visible, this.#now);
    tab.session.handleVisible(visible, this.#now);
    this.#drain(tab);
  }

  #open(): PlayedTab {
    this.#made += 1;
    const tab = new PlayedTab(`tab-${this.#made}`, this.#random() < 0.5 ? "websocket" : "events");
    this.#tabs.push(tab);
    this.#watch(tab, { selector: { job: "a" }, events: true });
    this.#watch(tab, { selector: { tag: "x" } });
    tab.tab.join({}, this.#now);
    this.#drain(tab);
    return tab;
  }

  /** A tab is closed; sometimes without a word. */
  #vanish(tab: PlayedTab, says: boolean): void {
    if (says && !tab.frozen) {
      tab.tab.leave(this.#now);
      this.#drain(tab);
    }
    tab.gone = true;
    tab.connection = undefined;
    this.#tabs = this.#tabs.filter((other) => other !== tab);
    this.#release(tab);
    for (const watcher of this.#life.get(tab.id) ?? []) this.#later(watcher, "life", () => {
      watcher.tab.handleGone(tab.id, this.#now);
    });
    this.#life.delete(tab.id);
  }

  #thaw(tab: PlayedTab): void {
    tab.frozen = false;
    for (const happen of tab.kept.splice(0)) {
      happen();
      this.#drain(tab);
    }
  }

  #cut(tab: PlayedTab): void {
    const { connection } = tab;
    if (connection === undefined) return;
    this.#later(tab, `socket-${connection.number}`, () => {
      if (tab.connection !== connection) return;
      tab.connection = undefined;
      tab.session.handleClose(connection.number, { code: 1006, reason: "cut" }, this.#now, this.#random());
    });
  }

  /** Somebody looks at one job more, or no longer, and listens to events of some types. */
  #changeView(tab: PlayedTab): void {
    if (tab.frozen) return;
    for (let changes = 1 + Math.floor(this.#random() * 2); changes > 0; changes -= 1) {
      const events = FILTERS[Math.floor(this.#random() * FILTERS.length)];
      const selection: Selection = { selector: { job: this.#random() < 0.7 ? "c" : "b" }, ...(events !== undefined && { events }) };
      const key = keyOf(selection);
      if (tab.watches.delete(key)) tab.session.unsubscribe(key, this.#now);
      else this.#watch(tab, selection);
    }
    this.#drain(tab);
  }

  #watch(tab: PlayedTab, selection: Selection): void {
    const key = keyOf(selection);
    // An event that this tab has had already is not had again by a watch that comes later.
    const had = "job" in selection.selector ? tab.session.stream.lane(selection.selector.job)?.event : undefined;
    const shown = "job" in selection.selector ? tab.shown.get(selection.selector.job) : undefined;
    const from = had === undefined ? undefined : Math.max(Number(had.split("-")[1]), shown ?? 0);
    const since = new Map(from === undefined ? [] : TYPES.map((type) => [type, from]));
    tab.watches.set(key, { selection, seen: [], since, shown: from, gaps: 0 });
    tab.session.subscribe(key, selection, this.#now);
    this.#look(tab);
  }

  /** A document is at every moment one that the server had, and never an older one than before. */
  #look(tab: PlayedTab): void {
    for (const id of JOBS) {
      const document = tab.session.stream.lane(id)?.job;
      if (document === undefined) {
        tab.shown.delete(id);
        continue;
      }
      const version = Number(document.cursor.split("-")[1]);
      if (version !== tab.shown.get(id)) assert.deepEqual(document, this.server.job(id).history.get(version), `${id} in ${tab.id}`);
      assert.ok(version >= (tab.shown.get(id) ?? 0), `${id} in ${tab.id} went back from ${tab.shown.get(id) ?? 0} to ${version}`);
      tab.shown.set(id, version);
      for (const watch of tab.watches.values()) {
        if (!("job" in watch.selection.selector) || watch.selection.selector.job !== id) continue;
        watch.shown ??= version;
      }
    }
    this.#judge();
  }

  /** Whoever was shown a state while its question was on its way is due the events from where the question is taken. */
  #judge(): void {
    for (const tab of this.#tabs) {
      for (const { selection: { selector, events }, since, shown } of tab.watches.values()) {
        if (!("job" in selector) || shown === undefined) continue;
        for (const type of TYPES) {
          if (since.has(type)) continue;
          const from = (played: PlayedConnection): number | undefined => played.eventsFrom(selector.job, type, shown);
          const isAsked = wants(events, type) && this.#tabs.some(({ connection }) => connection !== undefined && from(connection.played) === undefined);
          if (!isAsked) since.set(type, Math.max(...this.#connections.map((played) => from(played) ?? shown), shown));
        }
      }
    }
  }

  #drain(tab: PlayedTab): void {
    if (tab.gone) return;
    for (;;) {
      const output = tab.session.pollOutput();
      if (output === undefined) break;
      this.#carryOut(tab, output);
      tab.tab.handleOutput(output, this.#now);
    }
    for (let output = tab.tab.pollOutput(); output !== undefined; output = tab.tab.pollOutput()) this.#does(tab, output);
    assert.ok(tab.connection === undefined || tab.tab.connection().tab !== "follows", `${tab.id} follows and is connected`);
    this.#look(tab);
  }

  #carryOut(tab: PlayedTab, output: Output): void {
    switch (output.type) {
      case "connect": {
        const { connection: number } = output;
        const source = `socket-${number}`;
        const played = new PlayedConnection(this.server, (frame) => {
          this.#later(tab, source, () => {
            tab.session.handleFrame(number, structuredClone(frame), this.#now, this.#random());
          });
        });
        this.#connections.push(played);
        if (output.transport === "events") played.read(output.path);
        tab.connection = { number, played };
        this.#later(tab, source, () => {
          if (tab.connection?.number === number) tab.session.handleOpen(number, this.#now);
        });
        return;
      }
      case "disconnect":
        if (tab.connection?.number === output.connection) tab.connection = undefined;
        return;
      case "send": {
        const { connection } = tab;
        if (connection?.number !== output.connection) return;
        const message = JSON.parse(output.text) as Readonly<Record<string, unknown>>;
        const { job, events, cursor } = message;
        const known = typeof job === "string" && events !== undefined && cursor === undefined ? tab.session.stream.lane(job)?.job : undefined;
        assert.equal(known, undefined, `${tab.id} holds a state of ${String(job)} and asks for events from nowhere`);
        this.#order += 1;
        const at = Math.max(this.#now + this.#random() * 20, tab.arrivals.get(`server-${connection.number}`) ?? 0);
        tab.arrivals.set(`server-${connection.number}`, at);
        this.#happenings.push({ at, order: this.#order, happen: () => {
          if (tab.connection !== connection) return;
          connection.played.take(message);
          this.#judge();
          // It does not wait for the next question.
          if (this.#random() < 0.5) connection.played.tell(this.#random() < 0.5);
        } });
        return;
      }
      case "event":
        this.#happened(tab, output.frame);
        return;
      case "token":
        assert.fail("there is nobody to ask");
        return;
      case "connection":
      case "job":
      case "subscription":
      case "frame":
      case "replayed":
        return;
    }
  }

  #happened(tab: PlayedTab, frame: Extract<Output, { type: "event" }>["frame"]): void {
    for (const [key, watch] of tab.watches) {
      const filter = watch.selection.events;
      if (filter === undefined || !tab.session.stream.brings(key, frame.job)) continue;
      if (frame.type === "gap") watch.gaps += 1;
      else if (wants(filter, (frame.event as { readonly type: string }).type)) {
        const version = Number(frame.cursor.split("-")[1]);
        assert.ok(version > (watch.seen.at(-1) ?? 0), `${tab.id} saw ${cursorOf(version)} after ${watch.seen.at(-1) ?? 0}`);
        watch.seen.push(version);
      }
    }
  }

  #does(tab: PlayedTab, output: TabOutput): void {
    switch (output.type) {
      case "post":
        for (const other of this.#tabs) {
          // Whatever a leader says may be lost: it is numbered.
          const isNumbered = "number" in output.message;
          if (other === tab || (isNumbered && !this.#calm && this.#random() < 0.01)) continue;
          this.#later(other, tab.id, () => {
            other.tab.handleMessage(structuredClone(output.message), this.#now);
          });
        }
        return;
      case "lock":
        this.#lock.waiting.push(tab);
        this.#grant();
        return;
      case "steal": {
        const { holder } = this.#lock;
        this.#drop(tab);
        this.#lock.holder = tab;
        if (holder !== undefined && holder !== tab) this.#later(holder, "locks", () => {
          holder.tab.handleLockLost(this.#now);
        });
        this.#later(tab, "locks", () => {
          if (this.#lock.holder === tab) tab.tab.handleLock(this.#now);
        });
        return;
      }
      case "unlock":
        this.#release(tab);
        return;
      case "watch": {
        const watched = this.#tabs.find(({ id }) => id === output.tab);
        if (watched !== undefined) {
          const watchers = this.#life.get(output.tab) ?? [];
          this.#life.set(output.tab, watchers);
          if (!watchers.includes(tab)) watchers.push(tab);
        } else this.#later(tab, "life", () => {
          tab.tab.handleGone(output.tab, this.#now);
        });
        return;
      }
      case "connection":
        return;
    }
  }

  #drop(tab: PlayedTab): void {
    const { waiting } = this.#lock;
    for (let place = waiting.indexOf(tab); place >= 0; place = waiting.indexOf(tab)) waiting.splice(place, 1);
  }

  #release(tab: PlayedTab): void {
    this.#drop(tab);
    if (this.#lock.holder === tab) this.#lock.holder = undefined;
    this.#grant();
  }

  #grant(): void {
    const lock = this.#lock;
    if (lock.holder !== undefined) return;
    const next = lock.waiting.shift();
    if (next === undefined) return;
    lock.holder = next;
    this.#later(next, "locks", () => {
      if (lock.holder === next) next.tab.handleLock(this.#now);
    });
  }

  /** Happens to a tab, after everything that came from there before. */
  #later(tab: PlayedTab, source: string, happen: () => void): void {
    const delay = this.#random() < 0.05 ? this.#random() * 1_500 : this.#random() * 20;
    const at = Math.max(this.#now + delay, tab.arrivals.get(source) ?? 0);
    tab.arrivals.set(source, at);
    const arrive = (): void => {
      if (tab.gone) return;
      if (tab.frozen) {
        tab.kept.push(happen);
        return;
      }
      happen();
      this.#drain(tab);
    };
    this.#order += 1;
    this.#happenings.push({ at, order: this.#order, happen: arrive });
  }

  #pass(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let turns = 0; ; turns += 1) {
      assert.ok(turns < 200_000, "things happen without end");
      const next = this.#next();
      if (next === undefined || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      next.happen();
    }
    this.#now = end;
    for (const tab of this.#tabs) tab.connection?.played.tell();
  }

  #next(): Omit<Happening, "order"> | undefined {
    this.#happenings.sort((a, b) => a.at - b.at || a.order - b.order);
    const [first] = this.#happenings;
    let next: Omit<Happening, "order"> | undefined = first && { at: first.at, happen: () => this.#happenings.shift()?.happen() };
    for (const tab of this.#tabs) {
      if (tab.frozen) continue;
      for (const machine of [tab.tab, tab.session]) {
        const at = machine.nextDeadline();
        if (at !== undefined && at < (next?.at ?? Infinity)) next = { at, happen: () => {
          machine.handleTimeout(this.#now, this.#random());
          this.#drain(tab);
        } };
      }
      // A server says something now and then.
      const { connection } = tab;
      if (connection !== undefined && this.#random() < 0.05) this.#later(tab, `socket-${connection.number}`, () => {
        tab.session.handleFrame(connection.number, { type: "heartbeat" }, this.#now, this.#random());
      });
    }
    return next;
  }
}
