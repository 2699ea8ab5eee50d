// The page at `/`: what a person sees while work goes on.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { assertAccessible } from "./support/accessibility.js";
import { complaints, figuresOnce, openBrowser, picture, recordPercents } from "./support/browser.js";
import { Server, expectedCounts } from "./support/server.js";

const run = promisify(execFile);

function assertRisesThrough(percents, steps) {
  assert.ok(percents.length >= steps, `few values seen: ${percents}`);
  assert.deepEqual(percents, [...percents].sort((a, b) => a - b), "a percent fell");
}

function assertCounts(figures, count) {
  const { total, succeeded, failed } = expectedCounts(count);
  assert.equal(figures.total, String(total));
  assert.equal(figures.succeeded, String(succeeded));
  assert.equal(figures.failed, String(failed));
  for (const open of ["queued", "running", "retrying"]) assert.equal(figures[open], undefined, open);
}

for (const transport of ["websocket", "events"]) {
  test(`a batch is seen moving to its end over ${transport}`, async (t) => {
    const server = await Server.start(t);
    const page = await openBrowser(t);
    const found = complaints(page);
    await page.goto(`${server.url}/?transport=${transport}`);
    await page.locator("#empty").waitFor();
    await picture(page, `empty-${transport}`);

    const count = 300;
    const batch = await server.submit(count);
    await page.locator(`[data-id="${batch.id}"]`).waitFor();
    await recordPercents(page, batch.id);
    await page.waitForFunction(() => new Set(window.percents).size >= 3);
    await picture(page, `moving-${transport}`);

    assertCounts(await figuresOnce(page, batch.id, "completed"), count);
    const percents = await page.evaluate(() => window.percents);
    assertRisesThrough(percents, 3);
    assert.equal(percents.at(-1), 100);
    assert.deepEqual(found, []);
    await picture(page, `completed-${transport}`);
  });
}

test("kill -9 and a restart are survived without a reload, and the counts stay right", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  await page.evaluate(() => { window.sameDocument = true; });
  const count = 300;
  const batch = await server.submit(count);
  await page.locator(`[data-id="${batch.id}"]`).waitFor();
  await recordPercents(page, batch.id);
  await page.waitForFunction(() => window.percents.at(-1) >= 20);

  await server.kill();
  await page.locator("#link[data-state=waiting], #link[data-state=connecting]").waitFor();
  await picture(page, "server-away");
  await server.start();

  await page.locator("#link[data-state=live]").waitFor();
  assertCounts(await figuresOnce(page, batch.id, "completed"), count);
  assert.equal(await page.evaluate(() => window.sameDocument), true);
  assertRisesThrough(await page.evaluate(() => window.percents), 3);
});

test("an open job's events go on after kill -9, none lost and none twice", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  const log = (from, to) => Array.from({ length: to - from }, (_, n) => ({ type: "log", message: `line ${from + n}` }));
  await server.request("/api/v1/jobs", { body: { kind: "import", id: "job_log" } });
  await server.request("/api/v1/jobs/job_log/events", { body: log(0, 10) });
  await page.goto(`${server.url}/#/jobs/job_log`);
  const lines = page.getByLabel("Events, newest first").locator(".said", { hasText: /^line/ });
  await lines.nth(9).waitFor();
  await server.request("/api/v1/jobs/job_log/events", { body: log(10, 20) });
  await lines.nth(19).waitFor();

  await server.kill();
  await page.locator("#link[data-state=waiting], #link[data-state=connecting]").waitFor();
  await server.start();
  await server.request("/api/v1/jobs/job_log/events", { body: [...log(20, 30), { type: "complete" }] });
  await page.locator('[data-id="job_log"][data-status="completed"]').waitFor();
  await lines.nth(29).waitFor();
  assert.deepEqual(await lines.allTextContents(), log(0, 30).map((event) => event.message).reverse());
});

test("a job that curl reports is seen moving, step by step", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  const curl = async (path, body) => {
    const { stdout } = await run("curl", [
      "--silent", "--show-error", "--fail-with-body", `${server.url}${path}`,
      "--header", "content-type: application/json", "--data", JSON.stringify(body),
    ]);
    return JSON.parse(stdout);
  };
  const job = await curl("/api/v1/jobs", { kind: "import", name: "Import <b>one</b>", id: "job_curl" });
  const card = page.locator(`[data-id="${job.id}"]`);
  await card.waitFor();
  assert.equal(await card.locator(".name").textContent(), "Import <b>one</b>");
  for (const percent of [10, 45.5, 80]) {
    await curl(`/api/v1/jobs/${job.id}/events`, { type: "progress", percent, message: `At ${percent}` });
    await card.locator(`.bar[aria-valuenow="${percent}"]`).waitFor();
    await card.getByText(`At ${percent}`, { exact: true }).waitFor();
  }
  await curl(`/api/v1/jobs/${job.id}/events`, { type: "complete", result: { rows: 12 } });
  await page.locator(`[data-id="${job.id}"][data-status="completed"]`).waitFor();
});

test("one job alone shows its steps, failed items, events and downloads", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { colorScheme: "dark" });
  const found = complaints(page);
  const batch = await server.submit(40);
  await page.goto(`${server.url}/#/jobs/${batch.id}`);
  await figuresOnce(page, batch.id, "completed");
  const failed = page.locator("tbody tr", { hasText: "nines are not squared" });
  await failed.nth(3).waitFor();
  assert.equal(await failed.count(), 4);
  assert.match(await failed.first().textContent(), /n-9.*nine.*9/);
  const events = page.getByLabel("Events, newest first");
  await events.locator(".what", { hasText: /^created$/ }).waitFor();
  await events.locator(".said", { hasText: "item n-39 failed" }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "All as JSON Lines" }).click(),
  ]);
  const lines = await text(await download.createReadStream());
  assert.equal(lines.trim().split("\n").length, 40);
  await picture(page, "one-batch");
  await assertAccessible(page, "one batch");

  await server.request("/api/v1/jobs", { body: { kind: "research", id: "job_steps" } });
  await page.goto(`${server.url}/#/jobs/job_steps`);
  await server.request("/api/v1/jobs/job_steps/events", {
    body: [
      { type: "step_start", step: "research", name: "ResearchAgent", role: "agent", tasks: ["Gathering data"] },
      { type: "log", level: "warning", message: "the source is slow" },
    ],
  });
  await page.locator(".step", { hasText: "ResearchAgent" }).locator(".word", { hasText: "Running" }).waitFor();
  await events.getByText("the source is slow").waitFor();
  await picture(page, "one-job");
  await assertAccessible(page, "one job");

  await page.goto(`${server.url}/#/jobs/job_absent`);
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  assert.deepEqual(found.filter((line) => !line.includes("404")), []);
});

test("a batch is paused, resumed and cancelled from the page", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  const batch = await server.submit(2000);
  const card = page.locator(`[data-id="${batch.id}"]`);
  await card.getByRole("button", { name: "Pause" }).click();
  await page.locator(`[data-id="${batch.id}"][data-status="paused"]`).waitFor();
  await card.getByRole("button", { name: "Resume" }).click();
  await page.locator(`[data-id="${batch.id}"][data-status="running"]`).waitFor();
  await card.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  const figures = await figuresOnce(page, batch.id, "cancelled");
  const sum = ["succeeded", "failed", "cancelled"].reduce((total, name) => total + Number((figures[name] ?? "0").replaceAll(",", "")), 0);
  assert.equal(sum, 2000);
});

test("a phone's width needs no sideways scrolling", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { viewport: { width: 360, height: 740 } });
  const batch = await server.submit(20, { name: "A name that is long enough to need more than one line on a telephone", tags: ["nightly", "leads"] });
  await page.goto(`${server.url}/#/jobs/${batch.id}`);
  await figuresOnce(page, batch.id, "completed");
  await page.getByLabel("Events, newest first").locator("li").first().waitFor();
  const [content, window_] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(content, window_);
  await picture(page, "phone");
  await assertAccessible(page, "phone");
});

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
