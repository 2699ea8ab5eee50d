// A job's page: what its producer reports, what can be asked of it, its past, and links to it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { openBrowser, picture } from "./support/browser.js";
import { away, button, heading, isMarked, live, mark, percent } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const run = promisify(execFile);

test("a job that curl reports is seen moving, step by step, and its name is no markup", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  const curl = async (path, body) => {
    const { stdout } = await run("curl", [
      "--silent", "--show-error", "--fail-with-body", `${server.url}${path}`,
      "--header", "content-type: application/json", "--data", JSON.stringify(body),
    ]);
    return JSON.parse(stdout);
  };
  await page.goto(server.url);
  await live(page);
  await curl("/api/v1/jobs", { kind: "import", name: "Import <b>one</b>", id: "job_curl" });
  await page.getByRole("link", { name: "Import <b>one</b>" }).click();
  await heading(page, "Import <b>one</b>").waitFor();
  for (const value of [10, 45, 80]) {
    await curl("/api/v1/jobs/job_curl/events", { type: "progress", percent: value, message: `At ${value}` });
    await percent(page, value);
    await page.getByText(`At ${value}`, { exact: true }).waitFor();
  }
  await curl("/api/v1/jobs/job_curl/events", { type: "complete", result: { rows: 12 } });
  await percent(page, 100);
  await page.getByText("Completed", { exact: true }).first().waitFor();
  await page.getByRole("tab", { name: "Results" }).click();
  await page.getByRole("group", { name: "The result" }).getByText("12", { exact: true }).waitFor();
});

test("an open job's log goes on after kill -9, none lost and none twice", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  const said = (from, to) => Array.from({ length: to - from }, (_, n) => ({ type: "log", message: `line ${from + n}` }));
  await server.job("job_log");
  await server.report("job_log", said(0, 10));
  await page.goto(`${server.url}/#/jobs/job_log?tab=log`);
  const lines = page.getByRole("log").getByText(/^line \d+$/);
  await lines.nth(9).waitFor();
  await mark(page);
  await server.report("job_log", said(10, 20));
  await lines.nth(19).waitFor();

  await server.kill();
  await away(page);
  await server.start();
  await server.report("job_log", [...said(20, 30), { type: "complete" }]);
  await lines.nth(29).waitFor();
  await page.getByText("Completed", { exact: true }).first().waitFor();
  assert.deepEqual(await lines.allTextContents(), said(0, 30).map((event) => event.message));
  assert.equal(await isMarked(page), true);
});

test("steps, warnings and what an agent does now are seen as they come", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_steps", { kind: "research", name: "A brief" });
  await page.goto(`${server.url}/#/jobs/job_steps`);
  await heading(page, "A brief").waitFor();
  await server.report("job_steps", [
    { type: "step_start", step: "research", name: "Researcher", role: "agent", tasks: ["Gathering data"] },
    { type: "log", level: "warning", message: "the source is slow" },
  ]);
  const steps = page.getByRole("tabpanel", { name: /^Steps/ });
  await steps.getByText("Researcher").first().waitFor();
  await steps.getByText("Gathering data").first().waitFor();
  await page.getByRole("tab", { name: /^Log/ }).click();
  await page.getByText("the source is slow").waitFor();
  await page.getByRole("radio", { name: "Errors" }).click();
  await page.getByText("the source is slow").waitFor({ state: "detached" });
});

test("a job is paused, resumed, cancelled and run again, and what is not allowed is not offered", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_asked", { name: "Nightly import" });
  await server.report("job_asked", { type: "start" });
  await page.goto(`${server.url}/#/jobs/job_asked`);
  const offered = async () => (await page.getByRole("main").getByRole("button").allTextContents()).filter((text) => ["Pause", "Resume", "Cancel", "Retry"].includes(text));
  await button(page, "Pause").click();
  await page.getByText(/^Pausing: asked/).waitFor();
  await server.report("job_asked", { type: "ack", command: "pause" });
  await button(page, "Resume").waitFor();
  await page.getByText("Paused", { exact: true }).first().waitFor();
  assert.deepEqual(await offered(), ["Resume", "Cancel"]);
  await button(page, "Resume").click();
  await button(page, "Pause").waitFor();
  await button(page, "Cancel").click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.getByText(/^Cancelling: asked/).waitFor();
  assert.deepEqual(await offered(), []);
  await server.report("job_asked", { type: "ack", command: "cancel" });
  await page.getByText("Cancelled", { exact: true }).first().waitFor();
  assert.deepEqual(await offered(), ["Retry"]);
  await button(page, "Retry").click();
  await page.getByText("attempt 2", { exact: true }).waitFor();
  assert.equal((await server.request("/api/v1/jobs/job_asked")).attempt, 2);
});

test("what somebody else was quicker with is refused in words", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { expects: [409] });
  await server.job("job_quick");
  await page.goto(`${server.url}/#/jobs/job_quick`);
  await button(page, "Pause").waitFor();
  // The page does not hear of the end in time.
  await page.route("**/api/v1/jobs/job_quick/pause", async (route) => {
    await server.report("job_quick", [{ type: "start" }, { type: "complete" }]);
    await route.continue();
  });
  await button(page, "Pause").click();
  await page.getByText("Pause was refused").waitFor();
  await page.getByText("Completed", { exact: true }).first().waitFor();
});

test("the past is replayed: the beginning, the middle, the end, and back to what is live", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_past", { name: "Nightly import", total: 100 });
  await server.report("job_past", { type: "start" });
  for (const done of [20, 40, 60, 80]) await server.report("job_past", { type: "progress", done, message: `row ${done}` });
  const { records } = await server.request("/api/v1/jobs/job_past/records");
  await page.goto(`${server.url}/#/jobs/job_past`);
  await percent(page, 80);
  await button(page, "Replay").click();
  const replay = page.getByRole("region", { name: "Replay" });
  await replay.getByText(`${records.length} changes`).waitFor();
  assert.equal(await page.getByRole("main").getByRole("button", { name: /^(Pause|Cancel)$/ }).count(), 0, "nothing is asked of the past");
  const moment = page.getByRole("slider", { name: "Moment" });
  const dragTo = (at) => moment.fill(String(Date.parse(at)));
  // Where several changes share a millisecond, the last of them is what was.
  const shownAt = (index) => records.findLast(({ at }) => at === records[index].at).patch.message;
  await dragTo(records[0].at);
  await page.getByText("Pending", { exact: true }).first().waitFor();
  await dragTo(records.at(-3).at);
  await page.getByText(shownAt(records.length - 3), { exact: true }).waitFor();
  // Live goes on meanwhile, and the past stays what it was.
  await server.report("job_past", { type: "progress", done: 90, message: "row 90" });
  await replay.getByText(`${records.length + 1} changes`).waitFor();
  assert.equal(await page.getByText("row 90").count(), 0);
  await moment.press("End");
  await replay.getByRole("button", { name: "One change forward" }).click();
  await replay.getByRole("button", { name: "One change back" }).click();
  await page.getByText(/^row (80|90)$/).waitFor();
  // On a telephone it leaves the room to what it shows.
  await page.setViewportSize({ width: 360, height: 740 });
  await replay.getByRole("combobox", { name: "Speed" }).selectOption("16×");
  const { height } = await replay.boundingBox();
  assert.ok(height < 100, `${height} px`);
  await page.setViewportSize({ width: 1280, height: 900 });
  await replay.getByRole("radio", { name: "16×", checked: true }).waitFor();
  await replay.getByRole("button", { name: "Live" }).click();
  await percent(page, 90);
  await page.getByText("row 90").waitFor();
  await button(page, "Pause").waitFor();
});

test("a silent worker, a failure and a job that is not there are said", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { expects: [404] });
  await server.job("job_silent", { name: "Transcode", stall_after_ms: 1000 });
  await server.report("job_silent", { type: "start" });
  await page.goto(`${server.url}/#/jobs/job_silent`);
  await page.getByText("Its worker is silent").waitFor();
  await picture(page, "job-stalled");
  await server.report("job_silent", { type: "fail", error: { code: "no_disk", message: "the disk is full", retryable: true } });
  await page.getByRole("alert").getByText("The disk is full.").waitFor();
  await picture(page, "job-failed");
  await page.goto(`${server.url}/#/jobs/job_absent`);
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  await picture(page, "job-absent");
  await server.job("job_absent", { name: "It came" });
  await heading(page, "It came").waitFor();
});

test("of a long history the newest events are there first, and older ones when they are wanted", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_talks");
  await server.report("job_talks", { type: "start" });
  const lines = Array.from({ length: 6_000 }, (_, place) => ({ type: "log", level: "info", message: `line ${place + 1}` }));
  const rows = { type: "partial", name: "rows", data: { read: 1 } };
  await server.report("job_talks", rows);
  for (let from = 0; from < lines.length; from += 500) {
    await server.report("job_talks", lines.slice(from, from + 500));
    if (from === 3000) await server.report("job_talks", [rows, rows]);
  }
  const asked = [];
  page.on("request", (request) => {
    if (request.url().includes("/job_talks/events?")) asked.push(new URL(request.url()).searchParams);
  });
  await page.goto(`${server.url}/#/jobs/job_talks?tab=events`);
  const events = page.getByRole("tabpanel", { name: /^Events/ }).getByRole("group");
  await events.first().getByText("line 6000", { exact: true }).waitFor();
  await page.getByText(/^These are the newest 5,\d{3} events\.$/).waitFor();
  assert.deepEqual(asked.map((query) => query.has("after")), asked.map(() => false), "nothing is read from the beginning");
  assert.equal(asked[0].get("before"), "latest");
  await page.getByRole("tab", { name: /^Events ?5,\d{3}\+$/ }).waitFor();
  // What happens now follows, and what is older comes before it.
  await server.report("job_talks", { type: "log", level: "info", message: "line 6001" });
  await events.first().getByText("line 6001", { exact: true }).waitFor();
  // Of what was not read there may be more.
  await page.getByRole("tab", { name: /^Results ?1\+$/ }).click();
  await page.getByText("newest of at least 2").waitFor();
  await page.getByRole("tab", { name: /^Events/ }).click();
  // What was pressed keeps the focus while they are read, and is not pressed twice.
  let answer;
  const mayAnswer = new Promise((resolve) => { answer = resolve; });
  await page.route("**/job_talks/events?*", async (route) => {
    await mayAnswer;
    await route.continue();
  });
  const older = page.getByRole("button", { name: "Read older" }).first();
  await older.focus();
  const before = asked.length;
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-disabled") === "true" && document.activeElement.textContent === "Read older");
  await page.keyboard.press("Enter");
  answer();
  await page.getByText("6,006 events", { exact: true }).waitFor();
  assert.equal(asked.length, before + 1, "they are asked for once");
  await page.getByRole("tab", { name: /^Results ?1$/ }).click();
  await page.getByText("newest of 3,").waitFor();
  await page.getByRole("tab", { name: /^Log/ }).click();
  await page.getByText("the newest 2,000 of 6,001 lines").waitFor();
  await page.getByRole("searchbox", { name: "Search the log" }).fill("line 1234");
  await page.getByText("1 line", { exact: true }).waitFor();
  await picture(page, "job-long-history");
});

test("a history that the log has forgotten is said to be so", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_long");
  await page.route("**/api/v1/jobs/job_long/events?*", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), trimmed_to: "0-1" } });
  });
  await page.goto(`${server.url}/#/jobs/job_long?tab=events`);
  await page.getByText("The log has forgotten its beginning").waitFor();
  await picture(page, "job-forgotten");
});

test("a server that fails is said to, and tried again", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t, { expects: [500] });
  await server.job("job_one");
  let broken = true;
  await page.route("**/api/v1/jobs/job_one/events?*", (route) => (broken
    ? route.fulfill({ status: 500, contentType: "application/problem+json", body: '{"code":"internal","title":"Something broke","detail":"the store does not answer","retryable":false}' })
    : route.continue()));
  await page.goto(`${server.url}/#/jobs/job_one?tab=events`);
  await page.getByText("The history could not be read").waitFor();
  await picture(page, "job-server-error");
  broken = false;
  await page.getByRole("button", { name: "Try again" }).focus();
  await page.keyboard.press("Enter");
  await page.getByText(/^1 events?$/).waitFor();
  // Whoever works by keys goes on in the part of the page that was tried again.
  await page.waitForFunction(() => document.activeElement.getAttribute("role") === "tabpanel");
});

test("who works by keys goes to the replay and back from it", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_past", { total: 10 });
  await server.report("job_past", [{ type: "start" }, { type: "progress", done: 4 }]);
  await page.goto(`${server.url}/#/jobs/job_past`);
  await button(page, "Replay").focus();
  await page.keyboard.press("Enter");
  const replay = page.getByRole("region", { name: "Replay" });
  await replay.getByText(/^\d+ changes$/).waitFor();
  await page.waitForFunction(() => document.activeElement.getAttribute("aria-label") === "Replay");
  const moment = page.getByRole("slider", { name: "Moment" });
  await moment.fill(await moment.getAttribute("max"));
  await replay.getByRole("button", { name: "Live" }).focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "Replay");
});

test("an action that was taken leaves the focus on the job's name, and one under way keeps it", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_asked", { name: "Nightly import" });
  await server.report("job_asked", { type: "start" });
  await page.goto(`${server.url}/#/jobs/job_asked`);
  let answer;
  const mayAnswer = new Promise((resolve) => { answer = resolve; });
  await page.route("**/api/v1/jobs/job_asked/pause", async (route) => {
    await mayAnswer;
    await route.continue();
  });
  await button(page, "Pause").focus();
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.activeElement.textContent === "Pause" && document.activeElement.getAttribute("aria-disabled") === "true");
  answer();
  await page.getByText(/^Pausing: asked/).waitFor();
  await page.waitForFunction(() => document.activeElement.tagName === "H1" && document.activeElement.textContent === "Nightly import");
});

test("progress that is not known moves while the job is heard of, and is still when it is not", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await server.job("job_unknown");
  await server.report("job_unknown", { type: "start" });
  await page.goto(`${server.url}/#/jobs/job_unknown`);
  await live(page);
  const still = () => page.waitForFunction(() => document.querySelector(".job-meter .headway-bar[data-state=unknown]")?.getAnimations().length === 0);
  await still();
  // Looked for from before it begins: it ends by itself. Nothing of it is painted anew, it is moved as it was.
  const moving = page.waitForFunction(() => {
    const animations = document.querySelector(".job-meter .headway-bar").getAnimations();
    const changed = ({ offset: _offset, computedOffset: _computed, easing: _easing, composite: _composite, ...properties }) => Object.keys(properties);
    return animations.length > 0 && animations.flatMap(({ effect }) => effect.getKeyframes().map(changed));
  });
  await server.report("job_unknown", { type: "log", message: "still there" });
  const moved = await (await moving).jsonValue();
  assert.deepEqual(moved, [["translate"], ["translate"]]);
  await still();
  await page.waitForFunction(() => document.getAnimations().length === 0);
  await page.emulateMedia({ reducedMotion: "reduce" });
  await server.report("job_unknown", { type: "log", message: "and again" });
  await page.getByText("and again").waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length), 0);
});
