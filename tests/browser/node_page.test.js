// The node's page: its counters, who did what, and webhooks that could not be delivered.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

import { openBrowser } from "./support/browser.js";
import { heading } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { signIn } from "./support/sign_in.js";
import { test } from "./support/test.js";

test("the node says what it is busy with, and keeps saying it", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(`${server.url}/#/node`);
  await heading(page, "Node").waitFor();
  await page.getByText("Ready", { exact: true }).waitFor();
  await page.getByRole("cell", { name: "Reports stored" }).waitFor();
  await server.job("job_a");
  await server.report("job_a", [{ type: "start" }, { type: "progress", percent: 5 }]);
  await page.getByText("2 in all", { exact: true }).waitFor();
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const [, version] = /headway_build_info\{.*version="([^"]+)"/.exec(metrics);
  await page.getByText(`version ${version}`).waitFor();
});

test("the audit log says who did what, and dead letters are sent again or removed", async (t) => {
  let refuses = true;
  const got = [];
  const receiver = createServer((request, response) => {
    request.resume();
    if (!refuses) got.push(request.url);
    response.writeHead(refuses ? 410 : 200).end();
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  t.after(() => receiver.close());
  const url = `http://127.0.0.1:${receiver.address().port}/hook`;
  const server = await Server.start(t, {
    signIn: {}, settings: `webhooks.secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"\nallow_request_hosts = ["127.0.0.1"]\n`,
  });
  const admin = await server.key({ role: "admin", subject: "maya" });
  await server.job("job_told", { webhook: { url } });
  await server.report("job_told", [{ type: "start" }, { type: "complete" }]);
  await server.job("job_gone", { webhook: { url: `${url}/2` } });
  await server.report("job_gone", [{ type: "start" }, { type: "complete" }]);

  const page = await openBrowser(t, { expects: [401] });
  await page.goto(`${server.url}/#/jobs`);
  await signIn(page, admin.key);
  await page.goto(`${server.url}/#/node?tab=audit`);
  const audit = page.getByRole("table", { name: /^Audit log/ });
  await audit.getByRole("cell", { name: "sign_in" }).first().waitFor();
  // On a telephone a row has as many cells as there are headings, so that each is heard under its own.
  await page.setViewportSize({ width: 360, height: 740 });
  await audit.locator("td:empty").first().waitFor({ state: "attached" });
  const [heads, ...entries] = await audit.getByRole("row").all();
  const headings = await heads.getByRole("columnheader").count();
  assert.equal(headings, 6);
  for (const entry of entries) assert.equal(await entry.getByRole("cell").count(), headings);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("combobox", { name: "What" }).selectOption("key.create");
  await audit.getByRole("cell", { name: "sign_in" }).waitFor({ state: "detached" });
  await audit.getByRole("cell", { name: "key.create" }).first().waitFor();

  await page.getByRole("tab", { name: "Dead letters" }).click();
  const letters = page.getByRole("table", { name: /^Dead letters/ });
  await letters.getByRole("link", { name: "job_told" }).waitFor();
  await page.getByRole("button", { name: /^Remove the delivery of .* of job_gone$/ }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("The delivery was removed.").waitFor();
  await letters.getByRole("link", { name: "job_gone" }).waitFor({ state: "detached" });
  refuses = false;
  await page.getByRole("button", { name: "Send all again" }).click();
  await page.getByText(/deliver(y is|ies are) sent again\.$/).waitFor();
  await page.getByRole("heading", { name: "Every webhook was delivered" }).waitFor();
  while (got.length === 0) await once(receiver, "request");
  assert.deepEqual([...new Set(got)], ["/hook"], "what was removed is not sent");
});

test("who reads the audit log by keys has the focus on what came", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const admin = await server.key({ role: "admin", subject: "maya" });
  for (let n = 0; n < 70; n += 1) await server.key({ role: "viewer", subject: `viewer-${n}` });
  const page = await openBrowser(t, { expects: [401, 500] });
  await page.goto(`${server.url}/#/jobs`);
  await signIn(page, admin.key);
  let broken = true;
  await page.route("**/api/v1/audit?*", (route) => (broken
    ? route.fulfill({ status: 500, contentType: "application/problem+json", body: '{"code":"internal","title":"Something broke","detail":"the store does not answer","retryable":false}' })
    : route.continue()));
  await page.goto(`${server.url}/#/node?tab=audit`);
  await page.getByRole("alert").waitFor();
  broken = false;
  await page.getByRole("button", { name: "Try again" }).focus();
  await page.keyboard.press("Enter");
  const rows = page.getByRole("table", { name: /^Audit log/ }).locator("tbody tr");
  await rows.nth(49).waitFor();
  await page.waitForFunction(() => document.activeElement.tagName === "H2" && document.activeElement.textContent === "Audit log");
  await page.getByRole("button", { name: "Show older" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Show older" }).waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement === document.querySelectorAll("tbody tr")[50]);
});
