// Makes docs/images/react-*.png of the gallery: `npm run gallery && npm run images`. CHROMIUM names the browser.

import { mkdir } from "node:fs/promises";

import { chromium } from "playwright-core";

const PACKAGE = new URL("../", import.meta.url);
const IMAGES = new URL("../../../../docs/images/", PACKAGE).pathname;

/** What is shown, of which theme, how wide, and which of it: all unless said. */
const PICTURES = [
  { name: "status-badge", section: "statusbadge", width: 760 },
  { name: "progress-bar", section: "progressbar", width: 760, places: [2, 4, 6, 7, 10, 11] },
  { name: "job-card", section: "jobcard", width: 760, places: [2, 7, 4, 6] },
  { name: "job-card-dark", section: "jobcard", width: 760, places: [2, 7], theme: "dark" },
  { name: "batch-progress", section: "batchprogress", width: 760, places: [0, 3, 1, 2] },
  { name: "agent-timeline", section: "agenttimeline", width: 900 },
  { name: "agent-timeline-narrow", section: "agenttimeline", width: 360, theme: "dark" },
  { name: "cost-meter", section: "costmeter", width: 760, places: [0, 4, 3, 5] },
  { name: "job-log", section: "joblog", width: 760 },
  { name: "connection-status", section: "connectionstatus", width: 420 },
];

await mkdir(IMAGES, { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  for (const { name, section, width, places, theme = "light" } of PICTURES) {
    const page = await browser.newPage({ viewport: { width, height: 1200 }, colorScheme: theme, reducedMotion: "reduce", deviceScaleFactor: 1.5, timezoneId: "UTC" });
    await page.goto(new URL("build/page/index.html", PACKAGE).href);
    const shelf = page.locator(`#${section} > div`);
    await shelf.evaluate((element, kept) => {
      element.style.padding = "16px";
      if (kept === undefined) return;
      const children = [...element.children];
      element.replaceChildren(...kept.map((place) => children[place]));
    }, places);
    await shelf.screenshot({ path: `${IMAGES}react-${name}.png` });
    await page.close();
  }
} finally {
  await browser.close();
}
