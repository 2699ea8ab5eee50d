// Tabs of one browser that share a connection, with the built package and the real program.

import assert from "node:assert/strict";
import { test } from "node:test";

import { openBrowser } from "./support/browser.js";
import { ARGS, connectionIs, connections, eventually, Lab, leaders, note, shows, watch } from "./support/package_page.js";
import { Server } from "./support/server.js";

/** A server with the job `j` that runs, and a browser with so many tabs that watch it. */
async function begin(t, count, options = undefined) {
  const server = await Server.start(t);
  await server.job("j");
  await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab("", page)];
  while (tabs.length < count) tabs.push(await lab.tab());
  for (const tab of tabs) await watch(tab, "j", options);
  await Promise.all(tabs.map((tab) => shows(tab, "j", 1)));
  await oneConnection(server);
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
    await tab.waitForFunction(() => window.lab.note("j").ended);
    const { percents, document } = await note(tab, "j");
    assertForward(percents);
    assert.deepEqual(document, await server.request("/api/v1/jobs/j"));
  }
});
