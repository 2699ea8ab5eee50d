// Debian's Chromium without a screen.

import { chromium } from "playwright-core";

/** What it is usually started with. */
export const ARGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Starts it; whoever starts it closes it. `args` stand instead of the usual ones. */
export function launch(args = ARGS) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args });
}
