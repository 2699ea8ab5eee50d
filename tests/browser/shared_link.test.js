// Links to one job: what somebody who was given one sees, and where its token never is.

import assert from "node:assert/strict";

import { openBrowser, picture } from "./support/browser.js";
import { assertNoSidewaysScrolling, button, heading, isMarked, live, mark, percent, row } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { alarm, field, form, signIn, who } from "./support/sign_in.js";
import { test } from "./support/test.js";

const EXPECTS = { expects: [401, 404] };
const linkTo = (server, job, token) => `${server.url}/#job=${encodeURIComponent(job)}&token=${token}`;

for (const transport of ["websocket", "events", "poll"]) {
  test(`a link shows its job and no other over ${transport}, and its token is nowhere`, async (t) => {
    const server = await Server.start(t, { signIn: {} });
    await server.job("job_given", { name: "Your import", total: 100 });
    await server.job("job_private");
    const { token } = await server.token({ jobs: ["job_given"] });
    const page = await openBrowser(t, { ...EXPECTS, viewport: { width: 360, height: 740 } });
    const addresses = [];
    page.on("request", (request) => addresses.push(request.url()));
    page.on("websocket", (socket) => addresses.push(socket.url()));
    page.on("framenavigated", (frame) => addresses.push(frame.url()));
    const link = linkTo(server, "job_given", token).replace("/#", `/?transport=${transport}#`);
    await page.goto(link);
    await live(page);
    await heading(page, "Your import").waitFor();
    assert.equal(await page.evaluate(() => location.hash), "#/jobs/job_given");
    assert.equal(await page.getByRole("main").getByRole("button", { name: /^(Pause|Cancel|Share)$/ }).count(), 0, "a token that only watches has no buttons");
    assert.equal(await page.getByRole("navigation").count(), 0, "there is nothing to choose from");
    await server.report("job_given", { type: "progress", done: 30, message: "Reading rows" });
    await percent(page, 30);
    await assertNoSidewaysScrolling(page, "a shared job on a telephone");
    await picture(page, `shared-link-${transport}`);

    const isSecret = (text) => text.includes(token);
    // The navigation itself is told to the browser alone: a fragment is sent to nobody.
    assert.deepEqual(addresses.filter((address) => isSecret(address) && address !== link), []);
    const kept = await page.evaluate(() => [document.documentElement.outerHTML, document.cookie, JSON.stringify(history.state), location.href]);
    assert.deepEqual(kept.filter(isSecret), []);
    await page.goto("about:blank");
    await page.goBack();
    await heading(page, "Your import").waitFor();
    assert.ok(!isSecret(page.url()), "nor does the way back show it");

    await page.goto(`${server.url}/?transport=${transport}#/jobs/job_private`);
    await page.reload();
    await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  });
}

test("a link to a job that is not there yet shows it when it is", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { token } = await server.token({ jobs: ["job_soon"], actions: ["cancel"] });
  const page = await openBrowser(t, EXPECTS);
  await page.goto(linkTo(server, "job_soon", token));
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  await server.job("job_soon", { total: 10 });
  await heading(page, "job_soon").waitFor();
  await server.report("job_soon", { type: "progress", done: 5 });
  await percent(page, 50);
  await button(page, "Cancel").click();
  await page.getByRole("button", { name: "Cancel the job" }).click();
  await page.getByText(/^Cancel(ling|led)$/).first().waitFor();
});

test("a token for sessions and tags shows their jobs, also those that have ended", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_in_session", { session: "s 1&x=y" });
  await server.job("job_tagged", { tags: ["nightly"] });
  await server.job("job_done", { tags: ["nightly"] });
  await server.report("job_done", [{ type: "start" }, { type: "complete" }]);
  await server.job("job_elsewhere");
  const { token } = await server.token({ sessions: ["s 1&x=y"], tags: ["nightly"] });
  const page = await openBrowser(t, EXPECTS);
  let asked = null;
  await page.route("**/api/v1/identity", async (route) => {
    asked ??= await page.evaluate(() => location.href);
    await route.continue();
  });
  await page.goto(`${server.url}/#token=${token}`);
  for (const id of ["job_in_session", "job_tagged", "job_done"]) await row(page, id).waitFor();
  await server.job("job_later", { session: "s 1&x=y" });
  await row(page, "job_later").waitFor();
  assert.equal(await row(page, "job_elsewhere").count(), 0);
  assert.equal(asked, `${server.url}/`, "the token leaves the address before anything is asked");
});

test("a link that ended leads to the form, and one with a key is not followed", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_past");
  const { token, id } = await server.token({ jobs: ["job_past"] });
  const { key } = await server.key({ role: "viewer" });
  const page = await openBrowser(t, EXPECTS);
  await page.goto(linkTo(server, "job_past", token));
  await heading(page, "job_past").waitFor();
  await mark(page);
  await server.request("/api/v1/revocations", { body: { token: id } });
  await page.getByText("You were signed out").waitFor();
  assert.equal(await heading(page, "job_past").count(), 0);

  // The same document takes another link, as when one is pasted into the address bar.
  await page.evaluate((hash) => { location.hash = hash; }, `job=job_past&token=${token}`);
  await alarm(page, "was revoked").waitFor();
  assert.equal(await page.evaluate(() => location.hash), "#/jobs/job_past");
  await page.evaluate((hash) => { location.hash = hash; }, `job=job_past&token=${key}`);
  await alarm(page, "No link may carry an API key").waitFor();
  assert.equal(await isMarked(page), true);
  await signIn(page, key);
  await heading(page, "job_past").waitFor();
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
  const page = await openBrowser(t, EXPECTS);
  await page.goto(server.url);
  await signIn(page, mine.key);

  await page.goto(linkTo(server, "job_seen", own.token));
  await heading(page, "job_seen").waitFor();
  await button(page, "Pause").waitFor();
  assert.equal(await who(page).textContent(), "ana");

  await page.goto(linkTo(server, "job_acmes", foreign.token));
  await page.getByRole("heading", { name: "Open the link that you were given?" }).waitFor();
  assert.ok(!page.url().includes("token"));
  await page.getByRole("button", { name: "Stay signed in" }).click();
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
  assert.equal(await who(page).textContent(), "ana");

  await page.goto(linkTo(server, "job_acmes", foreign.token));
  await page.getByRole("button", { name: "Open the link" }).click();
  await heading(page, "job_acmes").waitFor();
  assert.equal(await who(page).textContent(), "Watch token");
});

test("a token in the query is taken out of the address, and not used", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_one");
  const { token } = await server.token({ jobs: ["job_one"] });
  const page = await openBrowser(t, EXPECTS);
  await page.goto(`${server.url}/?token=${token}#/jobs/job_one`);
  await page.getByText("held a token").waitFor();
  await form(page).waitFor();
  assert.equal(await field(page).inputValue(), "");
  assert.equal(page.url(), `${server.url}/#/jobs/job_one`);
});

test("a link that is made on the page shows the job to somebody else until it is ended", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_ours", { name: "Nightly import" });
  const { key } = await server.key({ role: "operator", subject: "ana" });
  const page = await openBrowser(t, EXPECTS);
  await page.goto(`${server.url}/#/jobs/job_ours`);
  await signIn(page, key);
  await button(page, "Share").click();
  const dialog = page.getByRole("dialog", { name: "Share this job" });
  await dialog.getByRole("radio", { name: "15 minutes" }).click();
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await dialog.getByLabel("Link", { exact: true }).inputValue();
  const id = /revoke (\S+)/.exec(await dialog.getByText("To end it early").textContent())?.[1];
  await dialog.getByRole("button", { name: "Done" }).click();
  await dialog.waitFor({ state: "detached" });

  const other = await openBrowser(t, EXPECTS);
  await other.goto(link);
  await heading(other, "Nightly import").waitFor();
  await live(other);
  assert.equal(await other.getByRole("main").getByRole("button", { name: /^(Pause|Cancel|Share)$/ }).count(), 0);
  const identity = await other.evaluate(() => fetch("api/v1/identity").then((answer) => answer.json()));
  const left = Date.parse(identity.expires_at) - Date.now();
  assert.ok(left > 13 * 60_000 && left <= 15 * 60_000, identity.expires_at);
  await server.request("/api/v1/revocations", { body: { token: id } });
  await other.getByText("You were signed out").waitFor();
  assert.equal(await heading(other, "Nightly import").count(), 0);
});
