// Tabs of one browser that share a connection, with the built package and the real program.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { ARGS, connectionIs, connections, eventually, figure, Lab, leaders, note, shows, until, watch } from "./support/package_page.js";
import { Server } from "./support/server.js";
import { provider } from "./support/sign_in.js";
import { test } from "./support/test.js";

/** A server with the job `j` that runs, and a browser with so many tabs that watch it; `query` is that of their pages. */
async function begin(t, count, options = undefined, query = "") {
  const server = await Server.start(t);
  await server.job("j");
  await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab(query, page)];
  while (tabs.length < count) tabs.push(await lab.tab(query));
  for (const tab of tabs) await watch(tab, "j", options);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 1)));
  await eventually("leaders", () => leaders(tabs), ({ length }) => length === 1);
  if (query === "") await oneConnection(server);
  return { server, lab, tabs };
}

const oneConnection = (server) => eventually("connections", () => connections(server), (count) => count === 1);
const progress = (server, percent) => server.report("j", [{ type: "progress", percent }]);
const log = (server, message) => server.report("j", [{ type: "log", message }]);

/** Each percent once, and never a smaller one after a larger one. */
function assertForward(percents) {
  assert.deepEqual(percents, [...new Set(percents)].sort((a, b) => a - b));
}

test("ten tabs watch over one connection and show the same; the others go on when the leader is closed", async (t) => {
  const { server, tabs } = await begin(t, 10);
  await progress(server, 10);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 10)));
  assert.equal(await connections(server), 1);
  const [leader, ...others] = await leaders(tabs);
  assert.ok(leader !== undefined && others.length === 0, "one leads");

  await leader.close();
  const left = tabs.filter((tab) => tab !== leader);
  await progress(server, 20);
  await Promise.all(left.map((tab) => shows(tab, "j", 20)));
  await oneConnection(server);
  assert.equal((await leaders(left)).length, 1);

  await server.report("j", [{ type: "complete" }]);
  for (const tab of left) {
    await until(tab, () => window.lab.note("j").ended);
    const { percents, document } = await note(tab, "j");
    assertForward(percents);
    assert.deepEqual(document, await server.request("/api/v1/jobs/j"));
  }
});

test("events come to each tab once and in order, whoever leads, also over a killed server", async (t) => {
  const { server, lab, tabs } = await begin(t, 3, { events: ["log"] });
  const said = [];
  const say = async (message) => {
    said.push(message);
    await log(server, message);
  };
  const heard = (tab) => until(tab, (last) => window.lab.note("j").events.at(-1) === last, said.at(-1));
  await say("one");
  await say("two");
  await Promise.all(tabs.map(heard));

  const [leader] = await leaders(tabs);
  const left = tabs.filter((tab) => tab !== leader);
  // What happens while nobody leads is not missed.
  await Promise.all([leader.close(), say("three")]);
  await say("four");
  await Promise.all(left.map(heard));

  await server.kill();
  await Promise.all(left.map((tab) => until(tab, () => window.lab.connection().state !== "live")));
  await server.start();
  await say("five");
  await progress(server, 50);
  await Promise.all(left.map((tab) => shows(tab, "j", 50)));
  await Promise.all(left.map(heard));
  for (const tab of left) {
    const { events, gaps, percents } = await note(tab, "j");
    assert.deepEqual({ events, gaps }, { events: said, gaps: 0 });
    assertForward(percents);
  }

  // Whoever comes later begins with what there is.
  const later = await lab.tab();
  await watch(later, "j", { events: ["log"] });
  await shows(later, "j", 50);
  await say("six");
  await Promise.all([...left, later].map(heard));
  assert.deepEqual((await note(later, "j")).events, ["six"]);
  await oneConnection(server);
});

for (const transport of ["websocket", "events", "poll"]) {
  test(`over ${transport} a tab that slept is told what happened meanwhile by the one that leads now`, async (t) => {
    const { server, tabs } = await begin(t, 3, { events: ["log"] }, `?transport=${transport}`);
    const heard = (tab, said) => until(tab, (last) => window.lab.note("j").events.join() === last, said);
    await log(server, "one");
    await Promise.all(tabs.map((tab) => heard(tab, "one")));
    const [leader] = await leaders(tabs);
    const others = tabs.filter((tab) => tab !== leader);
    // A page in front is never frozen by the browser itself; a debugger stops everything that it does.
    const control = await leader.context().newCDPSession(leader);
    await control.send("Debugger.enable");
    await control.send("Debugger.pause");
    await eventually("a new leader", () => leaders(others), (found) => found.length === 1);
    await log(server, "two");
    await progress(server, 30);
    await Promise.all(others.map((tab) => heard(tab, "one,two")));
    await log(server, "three");
    await Promise.all(others.map((tab) => heard(tab, "one,two,three")));

    await control.send("Debugger.disable");
    await connectionIs(leader, { state: "live", tab: "follows", transport });
    await log(server, "four");
    for (const tab of tabs) {
      await heard(tab, "one,two,three,four");
      await shows(tab, "j", 30);
      const { gaps, percents } = await note(tab, "j");
      assert.equal(gaps, 0);
      assertForward(percents);
    }
  });
}

test("a tab that joins is shown what is held, and the server is not asked again", async (t) => {
  const { server, lab, tabs } = await begin(t, 2);
  const asked = () => figure(server, 'headway_frames_total{type="subscribed"}');
  const before = await asked();
  const joined = await lab.tab();
  await watch(joined, "j");
  await shows(joined, "j", 1);
  await connectionIs(joined, { state: "live", tab: "follows", transport: "websocket" });
  assert.equal(await asked(), before);
  assert.equal(await figure(server, "headway_subscriptions"), 1);

  await server.job("k");
  await watch(joined, "k");
  await until(joined, () => window.lab.note("k").status === "pending");
  assert.equal(await figure(server, "headway_subscriptions"), 2);
  await joined.close();
  await eventually("subscriptions", () => figure(server, "headway_subscriptions"), (count) => count === 1);
  await watch(tabs[1], "nowhere");
  await until(tabs[1], () => window.lab.note("nowhere").error === "not_found");
});

test("a leader that is frozen is replaced, and follows when it thaws", async (t) => {
  const { server, tabs } = await begin(t, 3);
  const [leader] = await leaders(tabs);
  const others = tabs.filter((tab) => tab !== leader);
  const control = await leader.context().newCDPSession(leader);
  // A page in front is never frozen by the browser itself; a debugger stops everything that it does.
  await control.send("Debugger.enable");
  await control.send("Debugger.pause");
  await eventually("a new leader", () => leaders(others), (found) => found.length === 1);
  await progress(server, 30);
  await Promise.all(others.map((tab) => shows(tab, "j", 30)));

  await control.send("Debugger.disable");
  await shows(leader, "j", 30);
  await connectionIs(leader, { state: "live", tab: "follows" });
  await oneConnection(server);
  await progress(server, 40);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 40)));
  for (const tab of tabs) assertForward((await note(tab, "j")).percents);
});

test("tabs that nobody looks at go on, and all come back with the network", async (t) => {
  const { server, tabs } = await begin(t, 3);
  for (const tab of tabs) await tab.evaluate(() => window.lab.see(false));
  await progress(server, 10);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 10)));

  await tabs[0].context().setOffline(true);
  await server.kill();
  await Promise.all(tabs.map((tab) => until(tab, () => window.lab.connection().offline === true)));
  await server.start();
  await progress(server, 20);
  await tabs[0].context().setOffline(false);
  await tabs[0].evaluate(() => window.lab.see(true));
  await Promise.all(tabs.map((tab) => shows(tab, "j", 20)));
  await oneConnection(server);
});

test("only tabs with the same token share, and the one that signs in as somebody else leaves", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("j");
  await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
  const { key } = await server.key({ scopes: ["watch", "admin"] });
  const [a, b] = await Promise.all([server.token({ jobs: ["j"] }), server.token({ jobs: ["j"] })]);
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab("?token", page), await lab.tab("?token"), await lab.tab("?token")];
  await tabs[0].evaluate((token) => localStorage.setItem("token", token), a.token);
  await tabs[2].evaluate((token) => sessionStorage.setItem("token", token), b.token);
  const count = (wanted) => eventually("connections", () => connections(server, { key }), (now) => now === wanted);
  for (const tab of tabs) await watch(tab, "j");
  await Promise.all(tabs.map((tab) => shows(tab, "j", 1)));
  await count(2);
  await connectionIs(tabs[2], { tab: "leads" });

  // The same token as the others: one group again.
  await tabs[2].evaluate(() => {
    sessionStorage.clear();
    window.lab.headway.signedIn();
  });
  await connectionIs(tabs[2], { state: "live", tab: "follows" });
  await count(1);

  // What is revoked is over for all who show it.
  await server.request("/api/v1/revocations", { body: { token: a.id } });
  await Promise.all(tabs.map((tab) => connectionIs(tab, { state: "signed_out" })));
  assert.deepEqual((await note(tabs[1], "j")).percents, [1], "the last document stays");
  await tabs[1].evaluate((token) => {
    localStorage.setItem("token", token);
    window.lab.headway.signedIn();
  }, b.token);
  await connectionIs(tabs[1], { state: "live" });
});

test("a sign-out by the cookie that tabs share ends all of them, and a sign-in brings all back", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("j");
  await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
  const { key } = await server.key({ scopes: ["watch", "admin"] });
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab("", page), await lab.tab(), await lab.tab()];
  const signIn = (tab) => tab.evaluate(async (proof) => {
    await window.lab.headway.identity.signIn({ key: proof });
    window.lab.headway.signedIn();
  }, key);
  await signIn(tabs[0]);
  for (const tab of tabs) await watch(tab, "j");
  await Promise.all(tabs.map((tab) => shows(tab, "j", 1)));
  await eventually("connections", () => connections(server, { key }), (now) => now === 1);

  await tabs[1].evaluate(() => window.lab.headway.identity.signOut());
  await Promise.all(tabs.map((tab) => connectionIs(tab, { state: "signed_out" })));
  await progress(server, 2);
  await signIn(tabs[2]);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 2)));
  await eventually("connections", () => connections(server, { key }), (now) => now === 1);
});

test("a token that is renewed takes all tabs along, and nobody is cut off", async (t) => {
  const server = await Server.start(t, { signIn: provider.settings });
  await server.job("j");
  await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
  const { key } = await server.key({ scopes: ["watch", "admin"] });
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab("?token", page), await lab.tab("?token"), await lab.tab("?token")];
  const claims = { sub: "u", tenant: "default", role: "viewer", sees: "tenant" };
  const give = (token) => tabs[0].evaluate((text) => localStorage.setItem("token", text), token);
  // It is renewed after 24 s to 32 s: until then all tabs have come together, however slow they are.
  await give(provider.token(40, claims));
  for (const tab of tabs) await watch(tab, "j");
  await Promise.all(tabs.map((tab) => shows(tab, "j", 1)));
  await eventually("connections", () => connections(server, { key }), (count) => count === 1);
  const [leader] = await leaders(tabs);
  const group = () => tabs[0].evaluate(async () => (await navigator.locks.query()).held.map(({ name }) => name).find((name) => !name.includes(":tab:")));
  const before = await group();
  await leader.evaluate(() => {
    window.cuts = 0;
    window.lab.headway.connection.subscribe(() => {
      if (window.lab.connection().state !== "live") window.cuts += 1;
    });
  });
  await give(provider.token(3_600, claims));
  await eventually("another group", group, (name) => name !== undefined && name !== before);
  for (const tab of tabs) await connectionIs(tab, { state: "live" });
  await eventually("connections", () => connections(server, { key }), (count) => count === 1);
  assert.equal(await leader.evaluate(() => window.cuts), 0, "the one that leads stayed connected");
  await progress(server, 2);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 2)));
});
