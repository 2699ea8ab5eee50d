// Pages that a browser keeps to go back to (the back/forward cache), with the built package and the real program.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { ARGS, connections, eventually, Lab, leaders, note, shows, watch } from "./support/package_page.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const progress = (server, percent) => server.report("j", [{ type: "progress", percent }]);

for (const others of [0, 1]) {
  test(`a page that is gone back to goes on${others > 0 ? ", and the tab that took its place keeps the connection" : ""}`, async (t) => {
    const server = await Server.start(t);
    await server.job("j");
    await server.report("j", [{ type: "start" }, { type: "progress", percent: 1 }]);
    const page = await openBrowser(t, { args: ARGS, kept: true });
    const lab = await Lab.open(page.context(), server.url);
    await lab.tab("", page);
    await page.evaluate(() => {
      addEventListener("pageshow", ({ persisted }) => (window.persisted = persisted));
    });
    await watch(page, "j", { events: ["log"] });
    await shows(page, "j", 1);
    const tabs = [page];
    while (tabs.length <= others) {
      const tab = await lab.tab();
      await watch(tab, "j");
      await shows(tab, "j", 1);
      tabs.push(tab);
    }
    await eventually("connections", () => connections(server), (count) => count === 1);
    assert.deepEqual(await leaders(tabs), [page]);

    await page.goto(`${server.url}/healthz`);
    // What is kept holds no connection, and no lock that others wait for.
    await eventually("connections", () => connections(server), (count) => count === others);
    await server.report("j", [{ type: "log", message: "away" }, { type: "progress", percent: 20 }]);
    const [, other] = tabs;
    if (other !== undefined) await shows(other, "j", 20);

    await page.goBack({ waitUntil: "commit" });
    await page.waitForFunction(() => window.persisted === true);
    await shows(page, "j", 20);
    await eventually("connections", () => connections(server), (count) => count === 1);
    assert.deepEqual(await leaders(tabs), [other ?? page]);
    await progress(server, 30);
    await Promise.all(tabs.map((tab) => shows(tab, "j", 30)));
    const { percents, events, gaps } = await note(page, "j");
    assert.deepEqual([percents, events, gaps], [[1, 20, 30], ["away"], 0]);
  });
}
