// The list of jobs: found, filtered, read on, and not moved under whoever reads.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { openBrowser, picture } from "./support/browser.js";
import { heading, live, row, titles } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

/** What can be read of the list now, from the top of the window. */
const inSight = (page) => page.evaluate(() => [...document.querySelectorAll("[role=row] a")]
  .map((link) => [link.textContent, Math.round(link.getBoundingClientRect().top)])
  .filter(([, top]) => top > 160 && top < innerHeight - 60));

test("filters are in the address: they survive a reload, the way back and a link", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  for (const [id, kind, tags, events] of [
    ["job_a", "import", ["nightly"], [{ type: "start" }, { type: "complete" }]],
    ["job_b", "import", ["daily"], [{ type: "start" }, { type: "fail", error: { code: "x", message: "it broke" } }]],
    ["job_c", "export", ["nightly"], [{ type: "start" }]],
  ]) {
    await server.job(id, { kind, tags });
    await server.report(id, events);
  }
  const only = async (...wanted) => {
    await page.waitForFunction((names) => {
      const shown = [...document.querySelectorAll("[role=row] a")].map((link) => link.textContent);
      return shown.length === names.length && names.every((name) => shown.includes(name));
    }, wanted);
  };
  await page.goto(server.url);
  await only("job_a", "job_b", "job_c");
  await page.getByRole("radio", { name: "Failed" }).click();
  await only("job_b");
  await row(page, "job_b").getByText("it broke").waitFor();
  assert.match(page.url(), /#\/jobs\?status=failed$/);
  await page.reload();
  await only("job_b");
  await page.getByRole("link", { name: "job_b" }).click();
  await heading(page, "job_b").waitFor();
  await page.goBack();
  await only("job_b");
  await page.getByRole("radio", { name: "All" }).click();
  await page.getByRole("button", { name: "Filter", exact: true }).click();
  await page.getByLabel("Kind").fill("import");
  await page.getByLabel("Tag").fill("nightly");
  await page.getByRole("button", { name: "Show" }).click();
  await only("job_a");
  await page.getByRole("button", { name: "Remove the filter for kind import" }).click();
  await only("job_a", "job_c");
  await page.getByRole("button", { name: "Remove the filter for tag nightly" }).click();
  await page.getByRole("searchbox", { name: "Search jobs" }).fill("EXPORT");
  await only("job_c");
  assert.match(page.url(), /text=EXPORT/);
  await page.getByRole("searchbox", { name: "Search jobs" }).fill("nobody is called so");
  await page.getByRole("heading", { name: "No job fits" }).waitFor();
  await picture(page, "jobs-nothing-fits");
  await page.getByRole("button", { name: "Show all jobs" }).click();
  await only("job_a", "job_b", "job_c");
  assert.match(page.url(), /#\/jobs$/);
  // A job that moves into the filter or out of it is there or not.
  await page.goto(`${server.url}/#/jobs?status=active`);
  await only("job_c");
  await server.report("job_c", { type: "complete" });
  await only();
  await server.job("job_d");
  await only("job_d");
});

test("where no job is yet, it is said how the first one is made", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(server.url);
  await page.getByRole("heading", { name: "Nothing is running yet" }).waitFor();
  await picture(page, "jobs-none");
  await page.getByRole("button", { name: "Copy" }).click();
  const example = await page.evaluate(() => navigator.clipboard.readText());
  // What stands there works as it stands there.
  await promisify(execFile)("sh", ["-ec", example]);
  await row(page, "My first job").getByText("40%").waitFor();
});

test("everything can be reached by keys", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  for (const id of ["job_a", "job_b", "job_c"]) await server.job(id);
  await page.goto(server.url);
  await row(page, "job_a").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("j");
  await page.waitForFunction(() => document.activeElement.textContent === "job_c");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement.textContent === "job_b");
  await page.keyboard.press("k");
  await page.waitForFunction(() => document.activeElement.textContent === "job_c");
  await page.keyboard.press("Enter");
  await heading(page, "job_c").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("j");
  await row(page, "job_a").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("job_b");
  await row(page, "job_a").waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  await row(page, "job_a").waitFor();
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await dialog.waitFor();
  await page.keyboard.press("j");
  assert.notEqual(await focused(), "job_c", "keys are the dialog's while it is open");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await heading(page, "Node").waitFor();
});

test("2,000 jobs are scrolled through with few rows drawn, and new ones move nothing that is read", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  const numbers = Array.from({ length: 2000 }, (_, n) => n);
  while (numbers.length > 0) await Promise.all(numbers.splice(0, 100).map((n) => server.job(`job_${String(n).padStart(4, "0")}`)));
  await page.goto(server.url);
  await live(page);
  await page.getByRole("table", { name: "Jobs, newest first" }).getByRole("link").first().waitFor();
  let most = 0;
  for (;;) {
    most = Math.max(most, (await titles(page)).length);
    if (await page.getByText("That is all: 2,000 jobs.").isVisible()) break;
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  }
  assert.ok(most > 5 && most < 60, `${most} rows were drawn`);

  await page.evaluate(() => window.scrollTo(0, 30_000));
  // The rows of the place before may still be drawn: those that are in sight count.
  await page.waitForFunction(() => [...document.querySelectorAll("[role=row] a")].filter((link) => {
    const { top } = link.getBoundingClientRect();
    return top > 160 && top < innerHeight - 60;
  }).length > 5);
  const before = await inSight(page);
  await server.job("job_new_one");
  await server.job("job_new_two");
  await page.getByRole("button", { name: "2 new" }).waitFor();
  assert.deepEqual(await inSight(page), before);
  await page.getByRole("button", { name: "2 new" }).click();
  await row(page, "job_new_two").waitFor();
  assert.equal((await titles(page))[0], "job_new_two");
});

test("a row that is taken over by another job has not its focus, and one that stays keeps it", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  for (let n = 0; n < 120; n += 1) await server.job(`job_${String(n).padStart(3, "0")}`);
  await page.goto(server.url);
  await row(page, "job_119").waitFor();
  const focused = () => page.evaluate(() => document.activeElement.matches(".job-row__link") ? document.activeElement.textContent : "");
  for (const expected of ["job_119", "job_118", "job_117", "job_116"]) {
    await page.keyboard.press("j");
    await page.waitForFunction((title) => document.activeElement.textContent === title, expected);
  }
  // Further down while it is still drawn, and back.
  const drawn = async (top, last) => {
    await page.evaluate((to) => window.scrollTo(0, to), top);
    await row(page, last).waitFor();
  };
  await drawn(300, "job_104");
  assert.equal(await focused(), "job_116");
  await drawn(0, "job_119");
  assert.equal(await focused(), "job_116");
  await drawn(3_000, "job_060");
  await row(page, "job_116").waitFor({ state: "detached" });
  assert.equal(await focused(), "", "Enter would open a job that nobody has chosen");
});

test("who works by keys keeps a place in the list when what was pressed goes away", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { expects: [500] });
  for (let n = 0; n < 150; n += 1) await server.job(`job_${String(n).padStart(3, "0")}`, { kind: n === 0 ? "rare" : "usual" });
  let broken = true;
  await page.route(/\/api\/v1\/jobs\?.*page=/, (route) => (broken
    ? route.fulfill({ status: 500, contentType: "application/problem+json", body: '{"code":"internal","title":"Something broke","detail":"the store does not answer","retryable":false}' })
    : route.continue()));
  await page.goto(server.url);
  await row(page, "job_149").waitFor();
  const again = page.getByRole("button", { name: "Try again" });
  const toEnd = () => page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
  await toEnd();
  await again.waitFor();
  broken = false;
  await again.focus();
  await page.keyboard.press("Enter");
  await again.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement.className === "jobs-foot");
  await page.goto(`${server.url}/#/jobs?kind=rare`);
  await page.getByRole("button", { name: "Remove the filter for kind rare" }).focus();
  await page.keyboard.press("Enter");
  await row(page, "job_149").waitFor();
  await page.waitForFunction(() => document.activeElement.matches("[type=search]"));
  // What is new, and comes when it is wanted, is gone to.
  await toEnd();
  await page.waitForFunction(() => window.scrollY > 1000);
  await server.job("job_new");
  await page.getByRole("button", { name: "1 new" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "job_new");
});

test("a list in which nothing happens is not drawn again and again", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  for (let n = 0; n < 120; n += 1) await server.job(`job_${n}`);
  await server.report("job_119", { type: "start" });
  await server.report("job_118", [{ type: "start" }, { type: "progress", percent: 30 }]);
  await page.goto(server.url);
  await row(page, "job_119").getByText("Running", { exact: true }).waitFor();
  await live(page);
  await page.waitForFunction(() => document.getAnimations().length === 0);
});
