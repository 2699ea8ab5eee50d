// One tab that watches with the built package, over each transport, with the real program.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { ARGS, connectionIs, connections, eventually, Lab, note, shows, until, watch } from "./support/package_page.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

for (const [transport, counted] of [["websocket", "websocket"], ["events", "sse"], ["poll", "poll"]]) {
  test(`${transport}: a job from its beginning to its end, over a server that is killed`, async (t) => {
    const server = await Server.start(t);
    await server.job("j");
    const page = await openBrowser(t, { args: ARGS });
    const lab = await Lab.open(page.context(), server.url);
    const tab = await lab.tab(`?transport=${transport}`, page);
    await watch(tab, "j", { events: ["log"] });
    await until(tab, () => window.lab.note("j").status === "pending");
    await connectionIs(tab, { state: "live", transport, tab: "leads" });
    if (transport !== "poll") await eventually("connections", () => connections(server, { transport: counted }), (count) => count === 1);
    await server.report("j", [{ type: "start" }, { type: "log", message: "one" }, { type: "progress", percent: 10 }]);
    await shows(tab, "j", 10);

    await server.kill();
    await until(tab, () => window.lab.connection().state !== "live");
    await server.start();
    await server.report("j", [{ type: "log", message: "two" }, { type: "progress", percent: 20 }]);
    await shows(tab, "j", 20);
    await server.report("j", [{ type: "complete", result: { ok: true } }]);
    await until(tab, () => window.lab.note("j").ended);
    const { events, gaps, document } = await note(tab, "j");
    assert.deepEqual({ events, gaps }, { events: ["one", "two"], gaps: 0 });
    assert.deepEqual(document, await server.request("/api/v1/jobs/j"));
  });
}

test("a tab that does not share is alone, and lets its connection go when nothing is watched", async (t) => {
  const server = await Server.start(t);
  await server.job("j");
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tabs = [await lab.tab("?alone", page), await lab.tab("?alone")];
  for (const tab of tabs) await watch(tab, "j");
  for (const tab of tabs) await connectionIs(tab, { state: "live", tab: "alone" });
  await eventually("connections", () => connections(server), (count) => count === 2);
  for (const tab of tabs) await tab.evaluate(() => window.lab.unwatch("j"));
  for (const tab of tabs) await connectionIs(tab, { state: "idle" });
  await eventually("connections", () => connections(server), (count) => count === 0);
});

test("a tab whose code for sharing cannot be loaded connects alone", async (t) => {
  const server = await Server.start(t);
  await server.job("j");
  const page = await openBrowser(t, { args: ARGS });
  const lab = await Lab.open(page.context(), server.url);
  const tab = await lab.tab("", page);
  await page.context().route("**/group-*.js", (route) => route.fulfill({ contentType: "text/javascript", body: "throw new Error()" }));
  await watch(tab, "j");
  await connectionIs(tab, { state: "live", tab: "alone" });
});
