// A tab that stays open while the server becomes another version, whose files have other names.

import { openBrowser } from "./support/browser.js";
import { heading, live, row } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const NEWER = '<!doctype html><script type="module" src="./assets/index-OfTheNextVersion.js"></script><div id="root"></div>';

async function begin(t, expects) {
  const server = await Server.start(t);
  await server.job("job_j", { name: "Nightly import" });
  const page = await openBrowser(t, { expects });
  await page.goto(`${server.url}/#/jobs`);
  await row(page, "Nightly import").waitFor();
  const upgrade = () => page.route(`${server.url}/`, (route) => route.fulfill({ contentType: "text/html", body: NEWER }));
  return { server, page, upgrade };
}

test("a page whose file is gone offers to reload, and what is open stays", async (t) => {
  const { page, upgrade } = await begin(t, [404, "PageNotLoaded"]);
  await upgrade();
  await page.route(/assets\/node_page/, (route) => route.fulfill({ status: 404, body: "" }));
  await page.getByRole("link", { name: "Node" }).click();
  await heading(page, "Headway was updated").waitFor();
  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  await row(page, "Nightly import").waitFor();
  await page.getByRole("link", { name: "Node" }).click();
  await page.unrouteAll();
  await page.getByRole("main").getByRole("button", { name: "Reload" }).click();
  await page.getByRole("cell", { name: "Reports stored" }).waitFor();
});

test("a page whose file is not reached is tried again, without losing the tab to the browser's own error", async (t) => {
  const { page } = await begin(t, ["net::ERR_FAILED", "PageNotLoaded"]);
  await page.route(/\/$|assets\/node_page/, (route) => route.abort());
  await page.getByRole("link", { name: "Node" }).click();
  await heading(page, "This page could not be loaded").waitFor();
  await page.unrouteAll();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("cell", { name: "Reports stored" }).waitFor();
});

test("a server that comes back as another version is told of, and the same one is not", async (t) => {
  const { server, page, upgrade } = await begin(t);
  const told = page.getByText("Headway was updated. Reload this tab to use the new version.");
  await live(page);
  const asked = page.waitForResponse(`${server.url}/`);
  await server.kill();
  await server.start();
  await (await asked).finished();
  await live(page);
  if (await told.isVisible()) throw new Error("the same version is told of as a new one");
  await upgrade();
  await server.kill();
  await server.start();
  await told.waitFor();
});
