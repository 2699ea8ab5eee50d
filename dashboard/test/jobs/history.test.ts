// A job's history, read back from its end.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobEvent } from "@headway/client";

import { History, joined, KEPT, olderOf, READ_AT_ONCE, type HistoryClient, type HistoryView } from "../../src/jobs/page/history.ts";

const event = (cursor: string, message: string) => ({ cursor, type: "log", message });
const cursors = ({ events }: HistoryView): readonly string[] => events.map(({ cursor }) => cursor);
const numbers = (from: number, to: number): readonly string[] => Array.from({ length: to - from + 1 }, (_, place) => `x-${from + place}`);

/** A log of numbered events, one in each second since 1970, of which the first may be forgotten; and who is told of new ones. */
class Log {
  asked = 0;
  /** Called, and waited for, before each page is made. */
  meanwhile: () => Promise<void> | void = () => undefined;
  #last = 0;
  readonly #first: number;
  #tell: (event: JobEvent) => void = () => undefined;

  constructor(length: number, first = 1) {
    this.#last = length;
    this.#first = first;
  }

  add(): void {
    this.#last += 1;
    this.tell(this.#last);
  }

  /** Tells live of an event, which may be known. */
  tell(number: number): void {
    this.#tell({ type: "event", job: "job", cursor: `x-${number}`, event: { ...this.#event(number), type: "log" } });
  }

  readonly client: HistoryClient = {
    watchJob: (_, { onEvent } = {}) => {
      this.#tell = onEvent ?? this.#tell;
      return { subscribe: () => () => undefined, getSnapshot: () => { throw new Error("the state is not needed"); }, close: () => { this.#tell = () => undefined; } };
    },
    jobs: {
      history: async (_, { before = "", limit = 100 } = {}) => {
        this.asked += 1;
        await this.meanwhile();
        const end = before === "latest" ? this.#last : Number(before.slice(2)) - 1;
        const begin = Math.max(this.#first, end - limit + 1);
        const events = Array.from({ length: Math.max(0, end - begin + 1) }, (_none, place) => this.#event(begin + place));
        return { events, cursor: `x-${this.#last}`, ...(begin > this.#first ? { previous: `x-${begin}` } : this.#first > 1 ? { trimmed_to: `x-${this.#first - 1}` } : {}) };
      },
    },
  };

  #event(number: number) {
    return { cursor: `x-${number}`, type: "log", at: new Date(1000 * number).toISOString() };
  }
}

/** Waits until a history shows something. */
function until(history: History, holds: (view: HistoryView) => boolean): Promise<HistoryView> {
  return new Promise((resolve) => {
    const look = (): void => {
      const view = history.getSnapshot();
      if (!holds(view)) return;
      leave();
      resolve(view);
    };
    const leave = history.subscribe(look);
  });
}

const begun = (log: Log): History => {
  const history = new History(log.client, "job");
  history.start();
  return history;
};
const still = ({ reading }: HistoryView): boolean => !reading;

test("where what was read meets what came live, each event is there once", () => {
  const read = [event("x-1", "a"), event("x-2", "b"), event("x-3", "c")];
  // A report of two events at x-2 and x-3 comes live with one position.
  const early = [event("x-3", "b"), event("x-3", "c"), event("x-4", "d")];
  assert.deepEqual(joined({ events: read, cursor: "x-3" }, early).map(({ message }) => message), ["a", "b", "c", "d"]);
  // The page was read later than all that came live, and its newest event is not among that.
  assert.deepEqual(joined({ events: read, cursor: "x-3" }, [event("x-1", "a")]).map(({ message }) => message), ["a", "b", "c"]);
  // Numbers are compared as such, and those of another log not at all.
  assert.deepEqual(joined({ events: read, cursor: "x-3" }, [event("x-10", "d"), event("y-1", "e")]).map(({ message }) => message), ["a", "b", "c", "d", "e"]);
});

test("what came live while nothing was read is all there is", () => {
  assert.deepEqual(joined({ events: [], cursor: "x-8" }, [event("x-9", "z")]), [event("x-9", "z")]);
});

test("what comes live later than the page that has it is not there twice", { timeout: 10_000 }, async () => {
  const log = new Log(5);
  const history = begun(log);
  assert.deepEqual(cursors(await until(history, still)), numbers(1, 5));
  for (const number of [4, 5, 6]) log.tell(number);
  assert.deepEqual(cursors(await until(history, ({ events }) => events.length > 5)), numbers(1, 6));
  // And where they come while the page is on its way.
  const early = new Log(5);
  early.meanwhile = () => { for (const number of [4, 5, 6]) early.tell(number); };
  assert.deepEqual(cursors(await until(begun(early), still)), numbers(1, 6));
});

test("a short history is there whole, and asked for once", { timeout: 10_000 }, async () => {
  const log = new Log(150);
  const view = await until(begun(log), still);
  assert.deepEqual(cursors(view), numbers(1, 150));
  assert.deepEqual([view.complete, view.beginsLate, log.asked], [true, false, 1]);
});

test("of a long one the newest are read, and older ones when they are asked for; what comes live meanwhile is there once", { timeout: 10_000 }, async () => {
  const log = new Log(READ_AT_ONCE + 3000);
  log.meanwhile = () => { log.add(); };
  const history = begun(log);
  const first = await until(history, still);
  const made = log.asked;
  assert.deepEqual(cursors(first), numbers(READ_AT_ONCE + 3000 + made - first.events.length + 1, READ_AT_ONCE + 3000 + made));
  assert.ok(first.events.length >= READ_AT_ONCE && first.events.length < READ_AT_ONCE + 1000 + made, String(first.events.length));
  assert.equal(first.complete, false);
  log.meanwhile = () => undefined;
  log.add();
  assert.equal(olderOf(history, first)?.busy, false);
  let answer = (): void => undefined;
  const answered = new Promise<void>((resolve) => { answer = resolve; });
  log.meanwhile = () => answered;
  olderOf(history, first)?.read();
  // What was pressed stays while they are on their way.
  const meanwhile = await until(history, ({ reading }) => reading);
  assert.equal(olderOf(history, meanwhile)?.busy, true);
  answer();
  const whole = await until(history, ({ complete }) => complete);
  assert.deepEqual(cursors(whole), numbers(1, READ_AT_ONCE + 3001 + made));
  assert.equal(olderOf(history, whole), undefined);
});

test("before the first ones are there nothing older is offered", () => {
  const history = begun(new Log(READ_AT_ONCE + 1));
  assert.equal(olderOf(history, history.getSnapshot()), undefined);
});

test("what could not be read is said until it is tried again, also when nothing older is wanted any more", { timeout: 10_000 }, async () => {
  const log = new Log(20_000);
  const history = begun(log);
  await until(history, still);
  log.meanwhile = () => { throw new Error("the store does not answer"); };
  history.reach(0);
  await until(history, ({ error, reading }) => error !== undefined && !reading);
  history.reach(undefined);
  const { asked } = log;
  void history.read();
  await until(history, ({ error }) => error === undefined);
  assert.equal(log.asked, asked, "nothing is asked for");
});

test("it is read back to a moment that somebody looks at", { timeout: 10_000 }, async () => {
  const log = new Log(20_000);
  const history = begun(log);
  await until(history, still);
  history.reach(1000 * 9000);
  const view = await until(history, ({ reading, events }) => !reading && events.length > READ_AT_ONCE + 1000);
  const oldest = Number(cursors(view)[0]?.slice(2));
  assert.ok(oldest <= 9000 && oldest > 7000, String(oldest));
});

test("a log that has forgotten its beginning is said to have when there is nothing older", { timeout: 10_000 }, async () => {
  const history = begun(new Log(READ_AT_ONCE + 2000, 1001));
  const first = await until(history, still);
  assert.equal(first.beginsLate, false);
  history.more();
  const all = await until(history, ({ complete }) => complete);
  assert.equal(all.beginsLate, true);
  assert.equal(cursors(all)[0], "x-1001");
});

test("no more are held than may be, and those are the newest", { timeout: 30_000 }, async () => {
  const log = new Log(KEPT + 5000);
  const history = begun(log);
  await until(history, still);
  history.reach(0);
  const full = await until(history, (view) => view.full && !view.reading);
  assert.deepEqual([full.events.length, full.complete, cursors(full).at(-1)], [KEPT, false, `x-${KEPT + 5000}`]);
  assert.equal(olderOf(history, full), undefined);
  const { asked } = log;
  history.more();
  log.add();
  const next = await until(history, (view) => cursors(view).at(-1) === `x-${KEPT + 5001}`);
  assert.equal(next.events.length, KEPT);
  assert.equal(log.asked, asked, "nothing older is asked for any more");
  assert.equal(cursors(full).at(-1), `x-${KEPT + 5000}`, "what was shown stays as it was");
});

// A copy of all that is held for each of them would take minutes.
test("many that come live at once to a long history are taken", { timeout: 30_000 }, async () => {
  const log = new Log(KEPT);
  const history = begun(log);
  await until(history, still);
  history.reach(0);
  await until(history, ({ complete, reading }) => complete && !reading);
  for (let more = 1; more <= 4 * KEPT; more += 1) {
    log.add();
    // So that this test is over when its time is.
    if (more % 1000 === 0) await new Promise(setImmediate);
  }
  const view = await until(history, (now) => cursors(now).at(-1) === `x-${5 * KEPT}`);
  assert.deepEqual(cursors(view), numbers(4 * KEPT + 1, 5 * KEPT));
});
