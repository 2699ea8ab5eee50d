// Takes the pictures of the dashboard that the documentation shows: a program to run, no test.
//
//     node pictures.js [--only batch,job] [--out ../../docs/images]
//
// HEADWAY_BIN names the program. The scene is support/scene.js.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { settled } from "./support/accessibility.js";
import { ARGS, close, launch } from "./support/chromium.js";
import { EXAMPLE, Server } from "./support/server.js";
import { makeScene } from "./support/scene.js";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "jobs,job,batch,new-batch,node,sign-in" },
    out: { type: "string", default: new URL("../../docs/images", import.meta.url).pathname },
  },
});
const wanted = values.only.split(",");
const SIZES = [[360, 740], [768, 900], [1440, 900]];
/** Share of the batch that has ended when its page is taken. */
const PERCENT = 42;

const endings = [];
const program = { after: (end) => endings.unshift(end) };
await mkdir(values.out, { recursive: true });
// Scroll bars lie over the page, as they do on most machines.
const browser = await launch([...ARGS, "--enable-features=OverlayScrollbar"]);
endings.unshift(() => close(browser));
try {
  const open = await Server.start(program, { example: true });
  const asking = await Server.start(program, { signIn: {} });
  const batch = await makeScene(open);
  const pages = {
    batch: [`#/batches/${batch.id}`, (page) => page.getByRole("region", { name: "Why items failed" }).getByRole("listitem").first().waitFor()],
    jobs: ["#/jobs", (page) => page.getByRole("link", { name: "Weekly backup" }).waitFor()],
    job: ["#/jobs/job_brief", (page) => page.getByText("Weather reader").waitFor()],
    "new-batch": ["#/batches/new", fillIn],
    node: ["#/node", (page) => page.getByText("States delivered").waitFor()],
    "sign-in": ["", (page) => page.getByLabel("API key or token").waitFor()],
  };
  const percent = async () => (await open.request(`/api/v1/jobs/${batch.id}`)).progress?.percent ?? 0;
  if (wanted.includes("batch")) while (await percent() < PERCENT) await new Promise((resolve) => setTimeout(resolve, 300));
  for (const name of Object.keys(pages).filter((page) => wanted.includes(page))) await take(name === "sign-in" ? asking : open, name, ...pages[name]);
} finally {
  for (const end of endings) await end();
}

/** One page in both themes and every width. */
async function take(server, name, place, ready) {
  const looks = await Promise.all(SIZES.map(async ([width, height]) => {
    const phone = width < 500;
    const context = await browser.newContext({ viewport: { width, height }, isMobile: phone, hasTouch: phone, locale: "en", timezoneId: "UTC" });
    const page = await context.newPage();
    await page.goto(`${server.url}/${place}`);
    await ready(page);
    return { width, context, page };
  }));
  // Its lines are of the last minutes.
  if (name === "node") await looks[0].page.waitForTimeout(30_000);
  for (const { width, context, page } of looks) {
    for (const theme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: theme });
      await page.evaluate(() => { window.scrollTo(0, 0); document.activeElement.blur(); });
      await settled(page);
      const file = `dashboard-${name}-${theme}-${width}.png`;
      await page.screenshot({ path: join(values.out, file) });
      console.log(file);
    }
    await context.close();
  }
}

/** What somebody has filled in before they start a batch. */
async function fillIn(page) {
  await page.getByLabel("File of items").setInputFiles(join(EXAMPLE, "airports.csv"));
  await page.getByRole("textbox", { name: "Name" }).fill("Round trips, first week");
  await page.getByText("would run").waitFor();
}
