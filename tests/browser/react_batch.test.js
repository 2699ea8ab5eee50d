// examples/react-batch: a product's own site around batches, with sign-in and another origin.

import assert from "node:assert/strict";

import { assertAccessible } from "./support/accessibility.js";
import { openBrowser, picture } from "./support/browser.js";
import { assertNoSidewaysScrolling } from "./support/dashboard.js";
import { connections, eventually, figure } from "./support/package_page.js";
import { card, connection, countRenders, counts, idOf, isNow, live, plan, renders, shows, signIn, Site } from "./support/product_site.js";
import { test } from "./support/test.js";

/** Who may read the counters of the node. */
const operator = (site) => site.server.key({ role: "admin" }).then(({ key }) => key);

/** Lets all of a region's items be worked on, and compares what its card says in the end with the server. */
async function finish(site, page, region, state, total) {
  await site.pass(state, total);
  await isNow(page, region, "completed");
  await shows(page, region, total, total);
  const failed = Math.floor(total / 10);
  assert.deepEqual(await counts(page, region), { succeeded: total - failed, failed, running: 0, queued: 0 });
  const { items } = await site.server.request(`/api/v1/jobs/${await idOf(page, region)}`);
  assert.deepEqual([items.succeeded, items.failed, items.total], [total - failed, failed, total]);
}

test("three batches in two tabs over one connection, which goes when the person signs out", async (t) => {
  const site = await Site.start(t);
  const key = await operator(site);
  const all = async () => Promise.all(["websocket", "sse", "poll"].map((transport) => connections(site.server, { transport, key })));
  const subscriptions = (wanted) => eventually("subscriptions", () => figure(site.server, "headway_subscriptions", key), (count) => count === wanted);
  const page = await openBrowser(t);
  await signIn(page, site);
  for (const region of ["Georgia", "Montana", "Hawaii"]) await plan(page, region);
  const tab = await page.context().newPage();
  await tab.goto(site.url);
  for (const [region, state, total] of [["Georgia", "GA", 97], ["Montana", "MT", 71], ["Hawaii", "HI", 16]]) {
    await site.pass(state, 8);
    for (const one of [page, tab]) await shows(one, region, 8, total);
  }
  await eventually("connections", all, (now) => now.join() === "1,0,0");
  // One for the session and one for each batch, whoever of the tabs shows them.
  await subscriptions(4);

  await card(page, "Hawaii").getByRole("button", { name: "Hide" }).click();
  await card(page, "Hawaii").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Your plans");
  await card(tab, "Hawaii").getByRole("button", { name: "Hide" }).click();
  await subscriptions(3);
  await page.getByRole("button", { name: "Show 1 hidden" }).click();
  await shows(page, "Hawaii", 8, 16);
  await subscriptions(4);

  for (const one of [tab, page]) {
    await one.getByRole("button", { name: "Sign out" }).click();
    await one.getByLabel("Your name").waitFor();
    assert.deepEqual(await one.context().cookies(), []);
  }
  await eventually("connections", all, (now) => now.join() === "0,0,0");
  await subscriptions(0);
});

test("a card is rendered for its own batch only, and one whose metadata is broken breaks alone", async (t) => {
  const site = await Site.start(t);
  const page = await openBrowser(t, { expects: ["its metadata names no region"] });
  await countRenders(page);
  await signIn(page, site);
  for (const region of ["Georgia", "Hawaii"]) await plan(page, region);
  await finish(site, page, "Hawaii", "HI", 16);
  await site.pass("GA", 5);
  await shows(page, "Georgia", 5, 97);

  const before = { georgia: await renders(page, "Georgia"), hawaii: await renders(page, "Hawaii") };
  for (const count of [20, 40, 60]) {
    await site.pass("GA", count);
    await shows(page, "Georgia", count, 97);
  }
  assert.ok(await renders(page, "Georgia") >= before.georgia + 3, "a card shows what its batch does");
  assert.equal(await renders(page, "Hawaii"), before.hawaii, "a card does nothing when another batch moves");

  // Another program that writes into the same session.
  const { id } = await site.server.request("/api/v1/batches", { body: { kind: "round-trips", session: "s-maya", metadata: { region: 7 }, items: [{ state: "XX" }] } });
  await page.getByRole("alert").getByText(`${id}: its metadata names no region.`).waitFor();
  await finish(site, page, "Georgia", "GA", 97);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("alert").getByText("names no region").waitFor();
  await page.getByRole("article", { name: `Plan ${id}` }).getByRole("button", { name: "Hide" }).click();
  await page.getByRole("alert").waitFor({ state: "detached" });

  // What ended before a page was opened is there too, in the same order.
  await page.reload();
  await isNow(page, "Hawaii", "completed");
  assert.deepEqual(await page.getByRole("article").getByRole("heading").allTextContents(), ["This plan cannot be shown", "Hawaii", "Georgia"]);
});

test("where WebSockets do not get through the page goes on over Server-Sent Events", async (t) => {
  const site = await Site.start(t);
  const key = await operator(site);
  const page = await openBrowser(t);
  let refused = 0;
  await page.context().routeWebSocket(/./, (socket) => {
    refused += 1;
    return socket.close();
  });
  await signIn(page, site);
  assert.ok(refused >= 5, "it tried");
  assert.deepEqual([await connections(site.server, { key }), await connections(site.server, { transport: "sse", key })], [0, 1]);
  for (const region of ["Georgia", "Hawaii"]) await plan(page, region);
  await site.pass("GA", 30);
  await shows(page, "Georgia", 30, 97);
  await eventually("streams", () => connections(site.server, { transport: "sse", key }), (count) => count === 1);
  await finish(site, page, "Hawaii", "HI", 16);
  await finish(site, page, "Georgia", "GA", 97);
});

test("kill -9 in the middle: the page says so, comes back by itself, and its counts are right in the end", async (t) => {
  const site = await Site.start(t);
  const page = await openBrowser(t, { expects: [503] });
  await signIn(page, site);
  await plan(page, "Georgia");
  await site.pass("GA", 25);
  await shows(page, "Georgia", 25, 97);

  await site.server.kill();
  await connection(page).filter({ hasText: "Connection lost" }).waitFor();
  await page.getByRole("banner").getByText(/^next try in \d+s$/).waitFor();
  await shows(page, "Georgia", 25, 97);
  await page.getByRole("combobox", { name: "Region" }).selectOption("Hawaii");
  await page.getByRole("button", { name: "Plan", exact: true }).click();
  await page.getByRole("alert").getByText("Planning is not available right now. Try again in a moment.").waitFor();

  await site.server.start();
  await live(page);
  await page.getByRole("button", { name: "Plan", exact: true }).click();
  await card(page, "Hawaii").waitFor();
  await finish(site, page, "Georgia", "GA", 97);
  await finish(site, page, "Hawaii", "HI", 16);
  const { jobs } = await site.server.request("/api/v1/jobs?session=s-maya");
  assert.equal(jobs.length, 2);
});

test("a watch token is renewed before it ends, and the connection stays", async (t) => {
  const site = await Site.start(t, { tokenTtlMs: 16_000 });
  const page = await openBrowser(t);
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket));
  await signIn(page, site);
  await plan(page, "Hawaii");
  await site.pass("HI", 4);
  await shows(page, "Hawaii", 4, 16);
  const status = page.getByRole("banner").locator("[data-state]");
  await status.evaluate((element) => {
    window.states = [];
    new MutationObserver(() => window.states.push(element.dataset.state)).observe(element, { attributes: true });
  });

  const renewed = () => page.waitForResponse((response) => response.url().endsWith("/api/session/token")).then((response) => response.json());
  // Each is asked for ten seconds after the one before at the earliest: with the third, the first has ended.
  const [second, third] = [await renewed(), await renewed()];
  assert.notEqual(second.token, third.token);
  await site.pass("HI", 9);
  await shows(page, "Hawaii", 9, 16);
  assert.deepEqual(await page.evaluate(() => window.states), []);
  assert.deepEqual(sockets.map((socket) => socket.isClosed()), [false]);
  await finish(site, page, "Hawaii", "HI", 16);
  // A connection that was renewed takes on more.
  await plan(page, "Nevada");
  await finish(site, page, "Nevada", "NV", 32);
  assert.equal(sockets.length, 1);
});

test("the browser never has the API key, and sees nobody else's batches", async (t) => {
  const site = await Site.start(t);
  const page = await openBrowser(t, { expects: [401, 403] });
  const context = page.context();
  const heard = [];
  const asked = new Set();
  const reading = [];
  context.on("request", (request) => {
    heard.push(request.url(), request.postData() ?? "");
    reading.push(request.allHeaders().then((headers) => heard.push(JSON.stringify(headers))));
    const { origin, pathname } = new URL(request.url());
    if (origin === site.url && pathname.startsWith("/api/")) asked.add(`${request.method()} ${pathname}`);
  });
  context.on("response", (response) => {
    reading.push(response.allHeaders().then((headers) => heard.push(JSON.stringify(headers))));
    if (!response.headers()["content-type"]?.includes("event-stream")) reading.push(response.text().then((text) => heard.push(text), () => undefined));
  });
  page.on("websocket", (socket) => {
    heard.push(socket.url());
    for (const event of ["framesent", "framereceived"]) socket.on(event, ({ payload }) => heard.push(String(payload)));
  });
  await signIn(page, site);
  await plan(page, "Hawaii");
  await finish(site, page, "Hawaii", "HI", 16);
  heard.push(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, document.documentElement.outerHTML])));
  heard.push(JSON.stringify(await context.storageState({ indexedDB: true })));
  await Promise.all(reading);
  const all = heard.join("\n");
  assert.ok(all.includes("hwt_"), "what is looked through has the watch token in it");
  assert.ok(!all.includes(site.key), "and not the key");
  assert.deepEqual([...asked].sort(), ["GET /api/session", "POST /api/batches", "POST /api/session", "POST /api/session/token"]);
  assert.equal(await page.evaluate(() => document.cookie), "");

  // Somebody else, in a browser of their own.
  const other = await context.browser().newContext();
  t.after(() => other.close());
  const noor = await other.newPage();
  await signIn(noor, site, "noor");
  await noor.getByText("Nothing planned yet.").waitFor();
  const id = await idOf(page, "Hawaii");
  const statuses = await noor.evaluate(async ([url, batch]) => {
    const made = await fetch("/api/session/token", { method: "POST" }).then((response) => response.json());
    const headers = { authorization: `Bearer ${made.token}` };
    const read = await fetch(`${url}/api/v1/jobs/${batch}`, { headers });
    const list = await fetch(`${url}/api/v1/jobs?session=s-maya`, { headers });
    return [read.status, list.status];
  }, [site.server.url, id]);
  assert.deepEqual(statuses, [404, 403]);

  // Without a cookie, and from a page of another site.
  const post = (headers) => fetch(`${site.url}/api/session/token`, { method: "POST", headers }).then(({ status }) => status);
  assert.equal(await post({ origin: site.url }), 401);
  const [{ name, value }] = await context.cookies();
  assert.equal(await post({ cookie: `${name}=${value}`, origin: "https://elsewhere.example" }), 403);
  assert.equal(await post({ cookie: `${name}=${value}`, origin: site.url }), 200);
});

test("a batch can be cancelled with the watch token, in both themes and widths, by everybody", async (t) => {
  const site = await Site.start(t);
  const page = await openBrowser(t, { expects: [422, "its metadata names no region"] });
  await page.goto(site.url);
  await page.getByLabel("Your name").waitFor();
  await assertAccessible(page, "the way in");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Your name").fill("9");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("A name begins with a letter").waitFor();
  await signIn(page, site);
  for (const region of ["Texas", "Georgia", "Montana", "Hawaii"]) await plan(page, region);
  await site.server.request("/api/v1/batches", { body: { kind: "round-trips", session: "s-maya", metadata: { region: 7 }, items: [{ state: "XX" }] } });
  await site.pass("TX", 130);
  await site.pass("GA", 40);
  await finish(site, page, "Hawaii", "HI", 16);
  await shows(page, "Texas", 130, 209);
  await shows(page, "Georgia", 40, 97);
  await page.keyboard.press("Tab");
  await card(page, "Montana").getByRole("button", { name: "Cancel Montana" }).focus();
  await page.keyboard.press("Enter");
  await isNow(page, "Montana", "cancelled");
  await page.getByRole("alert").getByText("names no region").waitFor();
  for (const theme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
    for (const width of [360, 1200]) {
      await page.setViewportSize({ width, height: 860 });
      await assertAccessible(page, `${theme}, ${width} px`);
      await assertNoSidewaysScrolling(page, `${theme}, ${width} px`);
      await picture(page, `react-batch-${theme}-${width}`);
    }
  }
});
