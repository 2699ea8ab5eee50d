// Debian's Chromium without a screen.

import { chromium } from "playwright-core";

/** What it is usually started with. */
export const ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Starts it; whoever starts it closes it. `args` stand instead of the usual ones; with `kept`, pages are kept to go back to. */
export function launch(args = ARGS, { kept = false } = {}) {
  const ignoreDefaultArgs = kept ? ["--disable-back-forward-cache"] : [];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args, ignoreDefaultArgs });
}
