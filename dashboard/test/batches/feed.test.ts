import assert from "node:assert/strict";
import { test } from "node:test";

import { Feed, type After } from "../../src/batches/model/feed.ts";

/** A clock that moves when it is told to, and questions that are answered when a test says so. */
function surroundings() {
  let now = 0;
  let timers: { readonly due: number; readonly run: () => void }[] = [];
  const after: After = (ms, run) => {
    const timer = { due: now + ms, run };
    timers.push(timer);
    return () => {
      timers = timers.filter((other) => other !== timer);
    };
  };
  const questions: { readonly answer: (value: string) => Promise<void>; readonly fail: (error: Error) => Promise<void>; readonly signal: AbortSignal }[] = [];
  const load = (signal: AbortSignal): Promise<string> => new Promise((resolve, reject) => {
    const settled = async (settle: () => void): Promise<void> => {
      settle();
      await new Promise((done) => {
        setImmediate(done);
      });
    };
    questions.push({
      signal,
      answer: (value) => settled(() => { resolve(value); }),
      fail: (error) => settled(() => { reject(error); }),
    });
  });
  const pass = (ms: number): void => {
    now += ms;
    for (const timer of timers.filter(({ due }) => due <= now)) {
      timers = timers.filter((other) => other !== timer);
      timer.run();
    }
  };
  return { after, questions, load, pass };
}

test("what changes often is asked about once in a while, and the last change is never missed", async () => {
  const { after, questions, load, pass } = surroundings();
  const feed = new Feed(load, 1_000, after);
  feed.start();
  feed.change("a");
  assert.equal(questions.length, 1);
  feed.change("b");
  await questions[0]?.answer("one");
  assert.equal(feed.getSnapshot().value, "one");
  assert.equal(questions.length, 1, "the change waits for its time");
  pass(999);
  assert.equal(questions.length, 1);
  pass(1);
  assert.equal(questions.length, 2, "a change while it was asked is asked about");
  await questions[1]?.answer("two");
  pass(1_000);
  assert.equal(questions.length, 2, "without a change nothing is asked");
  feed.change("c");
  assert.equal(questions.length, 3, "after a quiet time a change is asked about at once");
});

test("a failure keeps what was known, and the next answer takes it away", async () => {
  const { after, questions, load, pass } = surroundings();
  const feed = new Feed(load, 10, after);
  let told = 0;
  feed.subscribe(() => {
    told += 1;
  });
  feed.start();
  await questions[0]?.answer("one");
  pass(10);
  feed.again();
  await questions[1]?.fail(new Error("away"));
  assert.deepEqual([feed.getSnapshot().value, String(feed.getSnapshot().error)], ["one", "Error: away"]);
  pass(10);
  feed.again();
  await questions[2]?.answer("two");
  assert.deepEqual(feed.getSnapshot(), { value: "two", error: undefined });
  assert.equal(told, 3);
});

test("what is stopped asks no more and takes no answer", async () => {
  const { after, questions, load, pass } = surroundings();
  const feed = new Feed(load, 10, after);
  feed.start();
  feed.stop();
  assert.equal(questions[0]?.signal.aborted, true);
  await questions[0].answer("late");
  assert.equal(feed.getSnapshot().value, undefined);
  feed.start();
  await questions[1]?.answer("one");
  assert.equal(feed.getSnapshot().value, "one");
  feed.again();
  feed.stop();
  pass(10);
  assert.equal(questions.length, 2);
});
