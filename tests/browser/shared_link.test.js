// Links to one job: what somebody who was given one sees, and where its token never is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { complaints, openBrowser, picture } from "./support/browser.js";
import { Server } from "./support/server.js";
import { alarm, card, field, form, isMarked, live, mark, signIn, unexpected } from "./support/sign_in.js";

const linkTo = (server, job, token) => `${server.url}/#job=${encodeURIComponent(job)}&token=${token}`;

for (const transport of ["websocket", "events"]) {
  test(`a link shows its job and no other over ${transport}, and its token is nowhere`, async (t) => {
    const server = await Server.start(t, { signIn: {} });
    await server.job("job_given", { name: "Your import", total: 100 });
    await server.job("job_private");
    const { token } = await server.token({ jobs: ["job_given"] });
    const page = await openBrowser(t, { viewport: { width: 360, height: 740 } });
    const found = complaints(page);
    const addresses = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url()));
    page.on("framenavigated", (frame) => addresses.push(frame.url()));
    const link = linkTo(server, "job_given", token).replace("/#", `/?transport=${transport}#`);
    await page.goto(link);
    await live(page);
    await card(page, "job_given").waitFor();
    assert.equal(await page.evaluate(() => location.hash), "#/jobs/job_given");
    assert.equal(await page.locator(".job").count(), 1);
    assert.equal(await page.locator("[data-action]:visible").count(), 0, "a token that only watches has no buttons");
    assert.equal(await page.getByRole("navigation").isHidden(), true, "there is nothing to choose from");
    await server.report("job_given", { type: "progress", done: 30, message: "Reading rows" });
    await card(page, "job_given").locator('.bar[aria-valuenow="30"]').waitFor();
    await picture(page, `shared-link-${transport}`);

    const isSecret = (text) => text.includes(token);
    // The navigation itself is told to the browser alone: a fragment is sent to nobody.
    assert.deepEqual(addresses.filter((address) => isSecret(address) && address !== link), []);
    const kept = await page.evaluate(() => [document.documentElement.outerHTML, document.cookie, JSON.stringify(history.state), location.href]);
    assert.deepEqual(kept.filter(isSecret), []);
    await page.goto("about:blank");
    await page.goBack();
    await card(page, "job_given").waitFor();
    assert.ok(!isSecret(page.url()), "nor does the way back show it");

    await page.goto(`${server.url}/?transport=${transport}#/jobs/job_private`);
    await page.reload();
    await page.getByRole("heading", { name: "There is no such job" }).waitFor();
    assert.deepEqual(unexpected(found), []);
  });
}

test("a link to a job that is not there yet shows it when it is", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { token } = await server.token({ jobs: ["job_soon"], actions: ["cancel"] });
  const page = await openBrowser(t);
  await page.goto(linkTo(server, "job_soon", token));
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  await server.job("job_soon", { total: 10 });
  await card(page, "job_soon").waitFor();
  await server.report("job_soon", { type: "progress", done: 5 });
  await card(page, "job_soon").locator('.bar[aria-valuenow="50"]').waitFor();
  await card(page, "job_soon").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.locator('[data-id="job_soon"]:is([data-status="cancelling"], [data-status="cancelled"])').waitFor();
});

test("a token for sessions and tags shows their jobs, also those that have ended", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_in_session", { session: "s 1&x=y" });
  await server.job("job_tagged", { tags: ["nightly"] });
  await server.job("job_done", { tags: ["nightly"] });
  await server.report("job_done", [{ type: "start" }, { type: "complete" }]);
  await server.job("job_elsewhere");
  const { token } = await server.token({ sessions: ["s 1&x=y"], tags: ["nightly"] });
  const page = await openBrowser(t);
  let asked = null;
  await page.route("**/api/v1/identity", async (route) => {
    asked ??= await page.evaluate(() => location.href);
    await route.continue();
  });
  await page.goto(`${server.url}/#token=${token}`);
  for (const id of ["job_in_session", "job_tagged", "job_done"]) await card(page, id).waitFor();
  await server.job("job_later", { session: "s 1&x=y" });
  await card(page, "job_later").waitFor();
  assert.equal(await card(page, "job_elsewhere").count(), 0);
  assert.equal(asked, `${server.url}/`, "the token leaves the address before anything is asked");
});

test("a link that ended leads to the form, and one with a key is not followed", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_past");
  const { token, id } = await server.token({ jobs: ["job_past"] });
  const { key } = await server.key({ role: "viewer" });
  const page = await openBrowser(t);
  await page.goto(linkTo(server, "job_past", token));
  await card(page, "job_past").waitFor();
  await mark(page);
  await server.request("/api/v1/revocations", { body: { token: id } });
  await page.getByText("You were signed out").waitFor();
  assert.equal(await page.locator(".job").count(), 0);

  // The same document takes another link, as when one is pasted into the address bar.
  await page.evaluate((hash) => { location.hash = hash; }, `job=job_past&token=${token}`);
  await alarm(page, "was revoked").waitFor();
  assert.equal(await page.evaluate(() => location.hash), "#/jobs/job_past");
  await page.evaluate((hash) => { location.hash = hash; }, `job=job_past&token=${key}`);
  await alarm(page, "No link may carry an API key").waitFor();
  assert.equal(await isMarked(page), true);
  await signIn(page, key);
  await card(page, "job_past").waitFor();
  assert.equal(await isMarked(page), true);
});

test("somebody who has signed in by themself stays so, unless they say otherwise", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_seen");
  const mine = await server.key({ role: "operator", subject: "ana" });
  const elsewhere = await server.key({ tenant: "acme", role: "operator" });
  const asAcme = { authorization: `Bearer ${elsewhere.key}`, "content-type": "application/json" };
  const ask = async (path, body) => (await fetch(`${server.url}/api/v1${path}`, { method: "POST", headers: asAcme, body: JSON.stringify(body) })).json();
  await ask("/jobs", { kind: "import", id: "job_acmes" });
  const foreign = await ask("/tokens", { jobs: ["job_acmes"] });
  const own = await server.token({ jobs: ["job_seen"] });
  const page = await openBrowser(t);
  await page.goto(server.url);
  await signIn(page, mine.key);

  await page.goto(linkTo(server, "job_seen", own.token));
  await card(page, "job_seen").getByRole("button", { name: "Pause" }).waitFor();
  assert.match(await page.locator("#who-text").textContent(), /^ana/);

  await page.goto(linkTo(server, "job_acmes", foreign.token));
  await page.getByRole("heading", { name: "Open the link that you were given?" }).waitFor();
  assert.ok(!page.url().includes("token"));
  await page.getByRole("button", { name: "Stay signed in" }).click();
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  assert.match(await page.locator("#who-text").textContent(), /^ana/);

  await page.goto(linkTo(server, "job_acmes", foreign.token));
  await page.getByRole("button", { name: "Open the link" }).click();
  await card(page, "job_acmes").waitFor();
  assert.match(await page.locator("#who-text").textContent(), /^Watch token/);
});

test("a token in the query is taken out of the address, and not used", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_one");
  const { token } = await server.token({ jobs: ["job_one"] });
  const page = await openBrowser(t);
  await page.goto(`${server.url}/?token=${token}#/jobs/job_one`);
  await alarm(page, "held a token").waitFor();
  await form(page).waitFor();
  assert.equal(await field(page).inputValue(), "");
  assert.equal(page.url(), `${server.url}/#/jobs/job_one`);
});
