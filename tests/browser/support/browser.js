// One browser for all tests of a file, and for each of them a context of its own.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after } from "node:test";

import { close, launch } from "./chromium.js";
import { CLOSING } from "./test.js";

const OUT = new URL("../out/", import.meta.url).pathname;
/** How many times slower than this machine pages are, to see which tests count on a quick one. */
const SLOWNESS = Number(process.env.HEADWAY_SLOWNESS ?? 1);
/** What a browser says by itself of a server that is away. */
const AWAY = /net::ERR_(CONNECTION|INTERNET|NETWORK|EMPTY|INCOMPLETE|SOCKET)|^WebSocket connection to/;

let shared;
after(async () => {
  if (shared !== undefined) await close(await shared);
}, CLOSING);

/**
 * A page in a context of its own, closed at the end of the test. The test fails when the page has
 * complained: thrown errors, refused scripts and styles, lines in the console. `expects` are the
 * statuses of refusals that the test provokes, or parts of what is said of them; `args` start another browser,
 * which with `kept` keeps pages to go back to.
 */
export async function openBrowser(test, { args, kept, expects = [], ...options } = {}) {
  const browser = await (args === undefined ? shared ??= launch() : launch(args, { kept }));
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const found = [];
  const known = expects.map((one) => (typeof one === "number" ? `status of ${one}` : one));
  const take = (line) => {
    if (!AWAY.test(line) && !known.some((part) => line.includes(part))) found.push(line);
  };
  if (SLOWNESS > 1) context.on("page", (page) => void slow(page));
  context.on("weberror", (error) => take(error.error().message));
  context.on("console", (message) => {
    if (message.type() === "error") take(message.text());
  });
  test.after(async () => {
    if (!test.passed) {
      const pages = context.pages();
      for (const [place, page] of pages.entries()) await picture(page, `failed-${test.name.replaceAll(/[^a-z0-9]+/gi, "-")}-${place}`);
    }
    await (args === undefined ? context.close() : close(browser));
    assert.deepEqual(found, [], "what the page complained of");
  }, CLOSING);
  return context.newPage();
}

async function slow(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWNESS });
}

/** Collects what the page complains about, for tests that look at it themselves. */
export function complaints(page) {
  const found = [];
  page.on("pageerror", (error) => found.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !AWAY.test(message.text())) found.push(message.text());
  });
  return found;
}

/** Keeps a picture in tests/browser/out. */
export async function picture(page, name) {
  await mkdir(OUT, { recursive: true });
  await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true });
}
