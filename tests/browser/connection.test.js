// The connection: lost, hidden, shared by tabs, and never a wrong word about it.

import assert from "node:assert/strict";

import { openBrowser, picture } from "./support/browser.js";
import { away, heading, isMarked, live, mark, percent, row } from "./support/dashboard.js";
import { connections, eventually } from "./support/package_page.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

/** A job that has begun, and a page that shows it. */
async function begin(t, options = {}) {
  const server = await Server.start(t);
  await server.job("job_j", { total: 100 });
  await server.report("job_j", { type: "start" });
  const page = await openBrowser(t, options);
  await page.goto(`${server.url}/#/jobs/job_j`);
  await heading(page, "job_j").waitFor();
  await live(page);
  return { server, page };
}

const progress = (server, done) => server.report("job_j", { type: "progress", done });

test("without a network the page says so, shows what it knew, and goes on when it is back", async (t) => {
  const { server, page } = await begin(t);
  await progress(server, 10);
  await percent(page, 10);
  await mark(page);
  await page.context().setOffline(true);
  // A network that is gone breaks nothing that stands; what stands is broken here.
  await server.kill();
  await away(page);
  await page.getByText("What is shown is what was last known.").waitFor();
  await percent(page, 10);
  await picture(page, "offline");
  await server.start();
  await progress(server, 20);
  await page.context().setOffline(false);
  await live(page);
  await percent(page, 20);
  assert.equal(await isMarked(page), true);
  await page.getByText("What is shown is what was last known.").waitFor({ state: "detached" });
});

test("where WebSockets do not get through, another way is taken by itself", async (t) => {
  const server = await Server.start(t);
  await server.job("job_j", { total: 100 });
  const page = await openBrowser(t);
  await page.addInitScript(() => {
    window.WebSocket = class extends EventTarget {
      constructor() {
        super();
        setTimeout(() => {
          const close = new CloseEvent("close", { code: 1006 });
          this.onerror?.(new Event("error"));
          this.onclose?.(close);
          this.dispatchEvent(close);
        });
      }
      close() {}
      send() {}
    };
  });
  // The waits between attempts are passed over.
  await page.clock.install();
  await page.goto(`${server.url}/#/jobs/job_j`);
  await heading(page, "job_j").or(page.getByRole("status", { name: "Reading the job" })).waitFor();
  await eventually("Live", async () => {
    await page.clock.runFor(2000);
    return page.getByRole("banner").getByText("Live", { exact: true }).isVisible();
  }, (isLive) => isLive);
  await progress(server, 30);
  await page.clock.resume();
  await percent(page, 30);
  assert.equal(await connections(server), 0);
});

test("a tab that nobody sees shows the newest state when it is looked at", async (t) => {
  const { server, page } = await begin(t);
  const other = await page.context().newPage();
  await other.goto(`${server.url}/#/jobs`);
  await row(other, "job_j").waitFor();
  await page.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await progress(server, 55);
  await row(other, "job_j").getByText("55%").waitFor();
  await page.evaluate(() => {
    delete document.visibilityState;
    document.dispatchEvent(new Event("visibilitychange"));
  });
  await percent(page, 55);
  await live(page);
});

test("ten tabs are one watcher to the server, and go on when the one that leads is closed", async (t) => {
  const { server, page } = await begin(t);
  const tabs = [page];
  while (tabs.length < 10) {
    const tab = await page.context().newPage();
    await tab.goto(`${server.url}/#/jobs/job_j`);
    tabs.push(tab);
  }
  await Promise.all(tabs.map((tab) => heading(tab, "job_j").waitFor()));
  await progress(server, 40);
  await Promise.all(tabs.map((tab) => percent(tab, 40)));
  await eventually("connections", () => connections(server), (count) => count === 1);
  // The first tab was alone, and so leads.
  await page.close();
  const left = tabs.slice(1);
  await progress(server, 60);
  await Promise.all(left.map((tab) => percent(tab, 60)));
  await eventually("connections", () => connections(server), (count) => count === 1);
  await server.report("job_j", { type: "complete" });
  await Promise.all(left.map((tab) => percent(tab, 100)));
});
