// Debian's Chromium without a screen.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

const OUT = new URL("../out/", import.meta.url).pathname;

/** A browser with a profile of its own, closed at the end of the test. */
export async function openBrowser(test, options = {}) {
  const profile = await mkdtemp(join(tmpdir(), "headway-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  test.after(async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  });
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(60_000);
  return page;
}

/** Collects what the page complains about: thrown errors, refused scripts and styles. */
export function complaints(page) {
  const found = [];
  page.on("pageerror", (error) => found.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("net::ERR_CONNECTION")
      && !message.text().startsWith("WebSocket connection to")) found.push(message.text());
  });
  return found;
}

/** Keeps a picture in tests/browser/out. */
export async function picture(page, name) {
  await mkdir(OUT, { recursive: true });
  await page.screenshot({ path: join(OUT, `${name}.png`), fullPage: true });
}

/** Records every percent that a job's progress bar shows, from now on, as `window.percents`. */
export async function recordPercents(page, id) {
  await page.evaluate((job) => {
    window.percents = [];
    const bar = document.querySelector(`[data-id="${job}"] .meter .bar`);
    const note = () => {
      const now = bar.getAttribute("aria-valuenow");
      if (now !== null && window.percents.at(-1) !== Number(now)) window.percents.push(Number(now));
    };
    note();
    new MutationObserver(note).observe(bar, { attributes: true, attributeFilter: ["aria-valuenow"] });
  }, id);
}

/** The figures that a job's card shows, by name, once the card shows this status. */
export async function figuresOnce(page, id, status) {
  const card = page.locator(`[data-id="${id}"][data-status="${status}"]`);
  await card.waitFor();
  return card.locator("[data-figure]").evaluateAll((nodes) => Object.fromEntries(
    nodes.map((node) => [node.dataset.figure, node.textContent]),
  ));
}
