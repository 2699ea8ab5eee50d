// One tab, step by step.

import assert from "node:assert/strict";

import { Session } from "../../src/session/session.ts";
import { keyOf, type Selection } from "../../src/session/selection.ts";
import { Tab } from "../../src/tabs/tab.ts";
import { test } from "../../../../testing/test.ts";

const NOW = 1_800_000_000_000;

test("a tab that stays connected while its token is renewed goes on speaking: to renew again, and to watch more", () => {
  const session = new Session({ transports: ["websocket"], signIn: true, attempts: 5 });
  session.rest();
  const tab = new Tab("a", session);
  const sent: string[] = [];
  const drain = (): void => {
    for (let output = session.pollOutput(); output !== undefined; output = session.pollOutput()) {
      if (output.type === "token") session.handleToken("one", NOW);
      if (output.type === "connect") session.handleOpen(output.connection, NOW);
      if (output.type === "send") sent.push(output.text);
      tab.handleOutput(output, NOW);
    }
    while (tab.pollOutput() !== undefined);
  };
  const watch = (job: string): void => {
    const selection: Selection = { selector: { job } };
    session.subscribe(keyOf(selection), selection, NOW);
    drain();
  };
  /** As it is done when the session has asked and the answer is another token. */
  const renew = (token: string): void => {
    tab.leave(NOW, { connected: true });
    tab.join({ token, connected: true }, NOW);
    session.handleToken(token, NOW);
    tab.handleLock(NOW);
    drain();
  };

  tab.join({ token: "one" }, NOW);
  tab.handleLock(NOW);
  watch("j");
  session.handleFrame(1, { type: "hello", connection: "c", version: 1, heartbeat_ms: 20_000, max_message_bytes: 65_536, max_subscriptions: 256 }, NOW, 0);
  session.handleFrame(1, { type: "subscribed", id: "1", recovered: false, was_recovering: false }, NOW, 0);
  drain();
  assert.equal(tab.connection().state, "live");
  renew("two");
  renew("three");
  watch("k");
  const said = sent.map((text) => JSON.parse(text) as { type: string; token?: string; job?: string });
  assert.deepEqual(said.map(({ type, token, job }) => `${type} ${token ?? job ?? ""}`), ["auth one", "subscribe j", "auth two", "auth three", "subscribe k"]);
});

test("a tab that says that it does not lead is still there for the one that does", () => {
  const session = new Session({ transports: ["websocket"], signIn: false, attempts: 5 });
  session.rest();
  const tab = new Tab("a", session);
  const said: string[] = [];
  const drain = (): void => {
    for (let output = session.pollOutput(); output !== undefined; output = session.pollOutput()) {
      if (output.type === "connect") session.handleOpen(output.connection, NOW);
      tab.handleOutput(output, NOW);
    }
    for (let output = tab.pollOutput(); output !== undefined; output = tab.pollOutput()) {
      if (output.type === "post") said.push(output.message.type);
    }
  };
  tab.join({}, NOW);
  tab.handleLock(NOW);
  drain();
  // The tab `b` led before, and was asked by this one whether it lives.
  const term = NOW;
  tab.handleMessage({ type: "ask", from: "b", to: "a", term, anew: true, messages: [{ type: "subscribe", id: "1", job: "j" }] }, NOW);
  tab.handleMessage({ type: "bye", from: "b", to: "a", term: 1 }, NOW);
  drain();
  assert.ok(session.stream.has(keyOf({ selector: { job: "j" } })), "it is told what it has asked for");
  tab.handleMessage({ type: "bye", from: "b", term }, NOW);
  assert.equal(session.stream.has(keyOf({ selector: { job: "j" } })), false);
});
