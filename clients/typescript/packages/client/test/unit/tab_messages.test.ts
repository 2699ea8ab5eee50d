// What tabs take from a channel that others may speak on as well.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { Session } from "../../src/session/session.ts";
import { readMessage } from "../../src/tabs/message.ts";
import { Tab } from "../../src/tabs/tab.ts";
import { test } from "../../../../testing/test.ts";

const lead = { type: "lead", from: "a", term: 1, number: 1, link: { state: "live", transport: "websocket" } };
const snapshot = { type: "snapshot", job: "j", cursor: "0000000a-1", state: { id: "j", cursor: "0000000a-1" } };
const ask = { type: "ask", from: "b", to: "a", term: 1, anew: true };

describe("messages between tabs", () => {
  const TAKEN: readonly unknown[] = [
    { type: "hello", from: "b", term: 0 },
    { type: "bye", from: "b", term: 0, further: "member" },
    { type: "bye", from: "b", to: "a", term: 0 },
    { type: "ping", from: "b", to: "a", term: 1 },
    lead,
    { ...lead, link: { state: "waiting", retryAt: 1, offline: false, reason: "" } },
    { ...ask, messages: [{ type: "subscribe", id: "1", job: "j" }, { type: "unsubscribe", id: "1" }] },
    { type: "answer", from: "a", to: "b", term: 1, number: 2, frames: [snapshot, { type: "error", code: "not_found", message: "", id: "1" }] },
    { type: "tell", from: "a", term: 1, number: 2, frame: snapshot },
  ];
  for (const message of TAKEN) test(`taken: ${JSON.stringify(message)}`, () => {
    assert.equal(readMessage(message), message);
  });

  const PASSED_OVER: readonly unknown[] = [
    undefined, null, "hello", 1, [], {},
    { type: "hello", term: 0 },
    { type: "hello", from: "b" },
    { type: "toString", from: "b", term: 0 },
    { type: "weather", from: "b", term: 0 },
    { type: "ping", from: "b", term: 1 },
    { ...lead, number: "1" },
    { ...lead, link: null },
    { ...lead, link: { state: "elsewhere" } },
    { ...lead, link: { state: "live" } },
    { ...ask, messages: { length: 1 } },
    { ...ask, messages: [{ type: "subscribe", id: "1" }] },
    { ...ask, messages: [{ type: "subscribe", id: "1", job: "j", tag: "x" }] },
    { ...ask, messages: [{ type: "command", id: "1", job: "j", action: "cancel" }] },
    { ...ask, anew: undefined, messages: [] },
    { type: "answer", from: "a", to: "b", term: 1, number: 2, frames: [{ type: "closing", reason: "revoked", retry_ms: 0 }] },
    { type: "tell", from: "a", term: 1, number: 2, frame: { type: "snapshot", job: "j" } },
  ];
  for (const message of PASSED_OVER) test(`passed over: ${JSON.stringify(message)}`, () => {
    assert.equal(readMessage(message), undefined);
  });

  test("only the leader that is followed is believed", () => {
    const session = new Session({ transports: ["websocket"], signIn: false, attempts: 5 });
    session.rest();
    session.subscribe("k", { selector: { job: "j" } }, 0);
    const tab = new Tab("b", session);
    tab.join({}, 0);
    tab.handleMessage(lead, 0);
    tab.handleMessage({ type: "answer", from: "a", to: "b", term: 1, number: 2, frames: [{ type: "subscribed", id: "1", recovered: true, was_recovering: true }] }, 0);
    tab.handleMessage({ type: "tell", from: "stranger", term: 1, number: 3, frame: snapshot }, 0);
    tab.handleMessage({ type: "tell", from: "a", term: 0, number: 3, frame: snapshot }, 0);
    assert.equal(session.stream.lane("j")?.job, undefined);
    tab.handleMessage({ type: "tell", from: "a", term: 1, number: 3, frame: snapshot }, 0);
    assert.equal(session.stream.lane("j")?.job?.id, "j");
    assert.deepEqual(tab.connection(), { state: "live", transport: "websocket", tab: "follows" });
  });
});
