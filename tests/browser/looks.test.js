// Whether everybody can use what is shown: every page and dialog in both themes on a telephone and on a
// desk, by keys, from right to left, with few colours and without motion.

import assert from "node:assert/strict";

import { assertAccessible } from "./support/accessibility.js";
import { openBrowser, picture } from "./support/browser.js";
import { assertNoSidewaysScrolling, batchIs, button, heading, progress, row } from "./support/dashboard.js";
import { makeScene } from "./support/scene.js";
import { Server } from "./support/server.js";
import { alarm, field, form, signIn, signOut, who } from "./support/sign_in.js";
import { test } from "./support/test.js";

/** A scene with a small batch that has ended, and every page of it with what shows that it is there. */
async function begin(t, options) {
  const server = await Server.start(t, { example: true });
  const page = await openBrowser(t, options);
  await makeScene(server, { batch: false });
  const { id } = await server.submit(40, { tags: ["example"], session: "planning-7" });
  const say = (words) => () => page.getByText(words).first().waitFor();
  const places = {
    jobs: ["#/jobs", () => row(page, "Nightly lead import").waitFor()],
    "jobs-empty": ["#/jobs?text=nothing+of+that+name", say("No job fits")],
    "job-steps": ["#/jobs/job_brief", say("Weather reader")],
    "job-log": ["#/jobs/job_brief?tab=log", say("Outline: five sections")],
    "job-results": ["#/jobs/job_brief?tab=results", say("regions")],
    "job-events": ["#/jobs/job_brief?tab=events", say("Newest first")],
    "job-stalled": ["#/jobs/job_keynote", say("Its worker is silent")],
    "job-failed": ["#/jobs/job_invoices", say("The ledger did not answer")],
    "job-absent": ["#/jobs/job_absent", say("There is no such job")],
    batch: [`#/batches/${id}?item=9&status=failed`, async () => {
      await batchIs(page, "Squares", "completed");
      await page.getByRole("complementary", { name: "Item 9" }).getByText("nines are not squared").waitFor();
    }],
    "new-batch": ["#/batches/new", () => page.getByRole("button", { name: "Choose a file" }).waitFor()],
    node: ["#/node", say("Reports stored")],
    "node-audit": ["#/node?tab=audit", say("Outcome")],
    "node-dead-letters": ["#/node?tab=dead", say("Every webhook was delivered")],
  };
  const visit = async (name) => {
    const [place, ready] = places[name];
    await page.goto(`${server.url}/${place}`);
    await ready();
  };
  return { server, page, id, visit, names: Object.keys(places) };
}

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`every page is for everybody: ${colorScheme}, ${width}`, async (t) => {
      const { page, visit, names } = await begin(t, { colorScheme, viewport: { width, height: 800 }, expects: [404] });
      const problems = [];
      for (const name of names) {
        await visit(name);
        await assertAccessible(page, `${name}-${colorScheme}-${width}`).catch((error) => problems.push(error.message));
        await assertNoSidewaysScrolling(page, name).catch((error) => problems.push(error.message));
        await picture(page, `${name}-${colorScheme}-${width}`);
      }
      assert.deepEqual(problems, []);
    });
  }
}

test("dialogs and menus are for everybody, hold the focus and give it back", async (t) => {
  const { page, visit } = await begin(t, { viewport: { width: 360, height: 800 } });
  const problems = [];
  const check = async (name) => {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `${name}-${colorScheme}`).catch((error) => problems.push(error.message));
      await assertNoSidewaysScrolling(page, name).catch((error) => problems.push(error.message));
      await picture(page, `${name}-${colorScheme}`);
    }
  };
  const isFocused = (locator) => locator.evaluate((node) => node === document.activeElement);
  await visit("job-steps");
  for (const [opener, name] of [["Cancel", "Cancel Stock for the winter: a brief?"], ["Share", "Share this job"]]) {
    await button(page, opener).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name });
    await dialog.waitFor();
    for (let presses = 0; presses < 8; presses += 1) {
      await page.keyboard.press("Tab");
      // At the end of a dialog the browser's own bar has its turn.
      const outside = await dialog.evaluate((node) => !node.contains(document.activeElement) && document.activeElement !== document.body);
      assert.equal(outside, false, `${name}: the focus left the dialog`);
    }
    await check(`dialog-${opener.toLowerCase()}`);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    assert.equal(await isFocused(button(page, opener)), true, `${opener} has the focus again`);
  }
  await button(page, "Replay").click();
  await page.getByRole("slider", { name: "Moment" }).waitFor();
  await check("replay");
  await page.getByRole("button", { name: "Live" }).click();
  const menu = who(page);
  await menu.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Keyboard shortcuts" }).waitFor();
  await check("menu");
  await page.keyboard.press("ArrowDown");
  assert.equal(await isFocused(page.getByRole("button", { name: "Keyboard shortcuts" })), true);
  await page.keyboard.press("Escape");
  assert.equal(await isFocused(menu), true);
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await check("dialog-shortcuts");
  await page.keyboard.press("Escape");
  await visit("batch");
  await page.getByRole("button", { name: "Results" }).click();
  await page.getByRole("link", { name: "All items as CSV" }).waitFor();
  await check("menu-results");
  assert.deepEqual(problems, []);
});

test("the form and the head are for everybody in both themes and widths", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "operator", subject: "a.person.with.a.long.name@example.com" });
  await server.job("job_look", { name: "Nightly import", total: 10 });
  const page = await openBrowser(t, { expects: [401] });
  const problems = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      const check = async (what) => {
        const name = `sign-in-${what}-${colorScheme}-${width}`;
        await picture(page, name);
        await assertAccessible(page, name).catch((error) => problems.push(error.message));
        await assertNoSidewaysScrolling(page, name).catch((error) => problems.push(error.message));
      };
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 760 });
      await page.goto(server.url);
      await form(page).waitFor();
      await check("form");
      await field(page).fill("hw_not_a_key");
      await page.keyboard.press("Enter");
      await alarm(page, "not valid").waitFor();
      await check("refused");
      await signIn(page, key);
      await row(page, "Nightly import").waitFor();
      await check("inside");
      await signOut(page);
      await page.getByText("You have signed out.").waitFor();
      await check("out");
    }
  }
  assert.deepEqual(problems, []);
});

test("from right to left, with forced colours and without motion, everything is there", async (t) => {
  const { page, visit, names } = await begin(t, { viewport: { width: 360, height: 800 }, expects: [404], forcedColors: "active", reducedMotion: "reduce" });
  const problems = [];
  for (const name of names) {
    await visit(name);
    await page.evaluate(() => { document.documentElement.dir = "rtl"; });
    await assertNoSidewaysScrolling(page, `${name}, from right to left`).catch((error) => problems.push(error.message));
    const moving = await page.evaluate(() => document.getAnimations().filter((one) => one.playState === "running" && one.effect.getComputedTiming().endTime > 100).map((one) => one.animationName ?? one.transitionProperty));
    if (moving.length > 0) problems.push(`${name}: moves though nobody wants it to: ${[...new Set(moving)]}`);
    await picture(page, `forced-colours-${name}`);
  }
  assert.deepEqual(problems, []);
});

test("nothing moves under the eye while a batch runs, and the first paint is there", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const shift of list.getEntries()) {
        if (!shift.hadRecentInput) window.shifts.push([shift.value, shift.sources.map(({ node }) => node?.className ?? node?.nodeName)]);
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  const { id } = await server.submit(300);
  await page.goto(`${server.url}/#/batches/${id}`);
  await progress(page, "Squares").waitFor();
  await batchIs(page, "Squares", "completed");
  await page.getByRole("region", { name: "Why items failed" }).getByRole("listitem").first().waitFor();
  const shifts = await page.evaluate(() => window.shifts);
  const sum = shifts.reduce((total, [value]) => total + value, 0);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  t.diagnostic(`layout shift ${sum.toFixed(4)}, first contentful paint after ${Math.round(paint)} ms`);
  assert.ok(sum < 0.02, JSON.stringify(shifts));
  assert.ok(paint > 0);
});

test("whoever comes by keys can skip to the page, and a page that opens says its name", async (t) => {
  const { page, visit } = await begin(t);
  await visit("jobs");
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the page" });
  assert.equal(await skip.evaluate((node) => node === document.activeElement), true);
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.getByRole("link", { name: "Nightly lead import" }).click();
  await heading(page, "Nightly lead import").waitFor();
  assert.equal(await page.title(), "Nightly lead import · Headway");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});
