// Debian's Chromium without a screen.

import { chromium } from "playwright-core";

/** What it is usually started with. */
export const ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/**
 * What it needs for pages that the test answers in place of the server: it takes them for strangers,
 * who may not connect to this machine.
 */
export const ANSWERED = [...ARGS, "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets"];

/** How long a browser may take to end by itself, in milliseconds. */
const PATIENCE = 20_000;

const processes = new WeakMap();

/** Starts it; whoever starts it closes it with `close`. `args` stand instead of the usual ones; with `kept`, pages are kept to go back to. */
export async function launch(args = ARGS, { kept = false } = {}) {
  const ignoreDefaultArgs = kept ? ["--disable-back-forward-cache"] : [];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args, ignoreDefaultArgs });
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  processes.set(browser, processInfo.find(({ type }) => type === "browser").id);
  return browser;
}

/** Closes it with all its pages. One that does not end is killed: no test is about how a browser ends. */
export async function close(browser) {
  const patience = setTimeout(() => kill(processes.get(browser)), PATIENCE);
  await browser.close();
  clearTimeout(patience);
}

function kill(id) {
  try {
    process.kill(id, "SIGKILL");
  } catch (error) {
    // It has ended meanwhile.
    if (error.code !== "ESRCH") throw error;
  }
}
