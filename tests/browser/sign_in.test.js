// Signing in, in a real browser: who gets in, what is left behind, and what the page says when a
// sign-in ends.

import assert from "node:assert/strict";
import { test } from "node:test";

import { assertAccessible } from "./support/accessibility.js";
import { complaints, openBrowser, picture } from "./support/browser.js";
import { Server } from "./support/server.js";
import {
  alarm, button, card, field, form, isMarked, live, mark, provider, signIn, signOut, unexpected,
} from "./support/sign_in.js";

const COOKIE = "headway_session";
/** How soon a page learns that what it stands on was revoked, in milliseconds. */
const REVOKED_WITHIN_MS = 5000;

test("a person signs in with a key, stays so over a reload, and signs out", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "operator", subject: "ana" });
  await server.job("job_one", { name: "Nightly import" });
  const page = await openBrowser(t);
  const found = complaints(page);
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(server.url);
  await form(page).waitFor();
  assert.equal(await field(page).evaluate((node) => node === document.activeElement), true, "the field has the focus");
  assert.deepEqual(requests.filter((url) => url.includes("/api/") && !url.endsWith("/identity")), [], "nothing is asked for nobody");

  await button(page).click();
  await alarm(page, "Paste an API key or a token first.").waitFor();
  await field(page).fill(`${key.slice(0, -1)}x`);
  await button(page).click();
  await alarm(page, "is not valid").waitFor();
  assert.equal(await field(page).getAttribute("aria-invalid"), "true");
  assert.equal(await field(page).evaluate((node) => node === document.activeElement), true, "the field has the focus again");
  assert.deepEqual(await page.context().cookies(), [], "a wrong key makes no session");

  await signIn(page, key);
  await card(page, "job_one").waitFor();
  assert.equal(await page.locator("#who-text").textContent(), "ana operator · default");
  assert.equal(await field(page).isHidden(), true);
  assert.equal(await page.locator("#credential").inputValue(), "", "the key is not kept in the field");

  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite, path }) => ({ name, httpOnly, sameSite, path })),
    [{ name: COOKIE, httpOnly: true, sameSite: "Strict", path: "/" }],
  );
  const seen = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length, document.documentElement.outerHTML]);
  assert.deepEqual(seen.slice(0, 3), ["", 0, 0], "no script sees the session, and nothing is kept");
  assert.ok(!seen[3].includes(key) && !cookies[0].value.includes(key));

  await page.reload();
  await live(page);
  await card(page, "job_one").waitFor();

  await signOut(page);
  await page.getByText("You have signed out.").waitFor();
  assert.equal(await page.locator(".job").count(), 0, "what was shown has left the page");
  assert.deepEqual(await page.context().cookies(), []);
  const cookie = `${COOKIE}=${cookies[0].value}`;
  const old = await fetch(`${server.url}/api/v1/identity`, { headers: { cookie } });
  assert.equal(old.status, 401, "the session is over on the server, not just in the browser");
  await page.reload();
  await form(page).waitFor();
  assert.ok(requests.every((url) => !url.includes("hw_")), "no key is in an address");
  assert.deepEqual(unexpected(found), []);
});

test("under TLS the session is sent by no other way", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_secure");
  await server.kill();
  server.useTls();
  await server.start();
  const page = await openBrowser(t, { ignoreHTTPSErrors: true });
  await page.goto(server.url);
  await signIn(page, key);
  await card(page, "job_secure").waitFor();
  assert.equal(await page.locator("#link-text").textContent(), "Live · WebSocket");
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite, path, secure }) => ({ name, httpOnly, sameSite, path, secure })),
    [{ name: `__Host-${COOKIE}`, httpOnly: true, sameSite: "Strict", path: "/", secure: true }],
  );
  await page.reload();
  await live(page);
});

test("nobody is asked where nobody has to sign in", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  await live(page);
  assert.deepEqual(await page.locator("#who, #sign-in").evaluateAll((nodes) => nodes.map((node) => node.hidden)), [true, true]);
  assert.deepEqual(await page.context().cookies(), []);
});

test("a person signs in with a token of an identity provider, until it expires", async (t) => {
  const server = await Server.start(t, { signIn: provider.settings });
  const token = (seconds) => provider.token(seconds, { sub: "bo", tenant: "acme", role: "viewer", sees: "tenant" });
  const page = await openBrowser(t);
  await page.goto(server.url);
  await field(page).fill(token(-10));
  await button(page).click();
  await alarm(page, "has expired").waitFor();

  await signIn(page, `Bearer ${token(8)}`);
  assert.equal(await page.locator("#who-text").textContent(), "bo viewer · acme");
  await mark(page);
  await page.getByText("your sign-in has expired").waitFor();
  await signIn(page, token(600));
  assert.equal(await isMarked(page), true);
});

for (const transport of ["websocket", "events"]) {
  test(`a key is revoked while its page is open over ${transport}`, async (t) => {
    const server = await Server.start(t, { signIn: {} });
    const first = await server.key({ role: "viewer", name: "first" });
    const second = await server.key({ role: "viewer", name: "second" });
    await server.job("job_open", { total: 100 });
    await server.job("job_other");
    const page = await openBrowser(t);
    await page.clock.install();
    await page.goto(`${server.url}/?transport=${transport}#/jobs/job_open`);
    await field(page).waitFor();
    await signIn(page, first.key);
    await card(page, "job_open").waitFor();
    await mark(page);

    await server.request(`/api/v1/keys/${first.id}`, { method: "DELETE" });
    await page.getByText("You were signed out").waitFor({ timeout: REVOKED_WITHIN_MS });
    assert.equal(await page.locator(".job").count(), 0, "what was shown has left the page");
    assert.equal(await field(page).evaluate((node) => node === document.activeElement), true);

    // Ten minutes in which the page asks for nothing, but once who is there now.
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    await page.clock.runFor("10:00");
    assert.deepEqual(asked.filter((url) => !url.endsWith("/identity")), []);
    assert.ok(asked.length <= 1, String(asked));

    await signIn(page, second.key);
    await card(page, "job_open").waitFor();
    assert.equal(await card(page, "job_other").count(), 0, "it goes on where it was");
    await server.report("job_open", { type: "progress", done: 42 });
    await card(page, "job_open").locator('.bar[aria-valuenow="42"]').waitFor();
    assert.equal(await isMarked(page), true, "without a reload");
  });
}

test("after kill -9 and a restart the person is still signed in", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_kept", { total: 100 });
  const page = await openBrowser(t);
  await page.goto(server.url);
  await signIn(page, key);
  await card(page, "job_kept").waitFor();
  await mark(page);

  await server.kill();
  await page.locator("#link[data-state=waiting]").waitFor();
  assert.equal(await field(page).isHidden(), true, "a server that is away has signed nobody out");
  await server.start();
  await live(page);
  await server.report("job_kept", { type: "progress", done: 7 });
  await card(page, "job_kept").locator('.bar[aria-valuenow="7"]').waitFor();
  assert.equal(await isMarked(page), true);
  await page.reload();
  await live(page);
});

for (const transport of ["websocket", "events"]) {
  test(`a session that is gone when the connection comes back is not asked for again over ${transport}`, async (t) => {
    const server = await Server.start(t, { signIn: {} });
    const { key } = await server.key({ role: "viewer" });
    await server.job("job_gone");
    const page = await openBrowser(t);
    await page.goto(`${server.url}/?transport=${transport}`);
    await signIn(page, key);
    await card(page, "job_gone").waitFor();
    await server.kill();
    await page.locator("#link[data-state=waiting]").waitFor();
    await page.context().clearCookies();
    await server.start();
    await page.getByText("You were signed out").waitFor();
    assert.equal(await page.locator(".job").count(), 0);
  });
}

test("the form says when the server is away, and takes the same key when it is back", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "viewer" });
  const page = await openBrowser(t);
  await page.goto(server.url);
  await field(page).fill(key);
  await server.kill();
  await button(page).click();
  await alarm(page, "The server cannot be reached.").waitFor();
  await server.start();
  await button(page).click();
  await live(page);
});

test("too many wrong keys are counted down, and the right one is then taken", async (t) => {
  const server = await Server.start(t, { signIn: { guess_burst: 1, guess_every_ms: 20_000 } });
  const { key } = await server.key({ role: "viewer" });
  const page = await openBrowser(t);
  await page.clock.install();
  await page.goto(server.url);
  for (const wrong of ["hwt_wrong.one.x", "hwt_wrong.two.x", "hwt_wrong.three.x"]) {
    if (await button(page).isDisabled()) break;
    await field(page).fill(wrong);
    await button(page).click();
    await page.getByRole("alert").waitFor();
  }
  await alarm(page, "Too many wrong keys").waitFor();
  const waiting = button(page);
  assert.match(await waiting.textContent(), /^Try again in \d+ s$/);
  assert.equal(await waiting.isDisabled(), true);
  await page.clock.runFor("01:00");
  assert.equal(await waiting.textContent(), "Sign in");
  await alarm(page, "You can try again now.").waitFor();
  await signIn(page, key);
});

test("buttons are there for those who may press them", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  await server.job("job_plain");
  const tokenFor = async (actions) => (await server.token({ jobs: ["job_plain"], actions })).token;
  const roles = {
    viewer: (await server.key({ role: "viewer" })).key,
    operator: (await server.key({ role: "operator" })).key,
    "a token for cancelling": await tokenFor(["cancel"]),
    "a token": await tokenFor([]),
  };
  const expected = { viewer: [], operator: ["Pause", "Cancel"], "a token for cancelling": ["Cancel"], "a token": [] };
  const page = await openBrowser(t);
  for (const [role, proof] of Object.entries(roles)) {
    await page.goto(server.url);
    await signIn(page, proof);
    await card(page, "job_plain").locator(".word", { hasText: "Pending" }).waitFor();
    const shown = await card(page, "job_plain").locator("[data-action]:visible").allTextContents();
    assert.deepEqual(shown, expected[role], role);
    if (role === "a token for cancelling") {
      await card(page, "job_plain").getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Keep it going" }).click();
    }
    await signOut(page);
    await form(page).waitFor();
  }

  const { key } = await server.key({ scopes: ["report"] });
  await field(page).fill(key);
  await button(page).click();
  await page.getByRole("heading", { name: "This sign-in cannot watch" }).waitFor();
  assert.equal(await page.locator("#empty").isHidden(), true);
});

test("whoever has the page in sight is there, also without a click", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "viewer" });
  const page = await openBrowser(t);
  await page.clock.install();
  await page.goto(server.url);
  const asked = [];
  await signIn(page, key);
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await Promise.all([page.waitForRequest("**/api/v1/identity"), page.clock.runFor("05:01")]);

  await page.evaluate(() => Object.defineProperty(document, "hidden", { value: true }));
  asked.length = 0;
  await page.clock.runFor("30:00");
  assert.ok(!asked.includes("/api/v1/identity"), "a page that nobody sees says nothing");
});

test("one person's jobs are not shown to the next", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const ana = await server.key({ role: "operator", subject: "ana", own_only: true });
  const bo = await server.key({ role: "operator", subject: "bo", own_only: true });
  const asAna = { authorization: `Bearer ${ana.key}`, "content-type": "application/json" };
  const made = await fetch(`${server.url}/api/v1/jobs`, { method: "POST", headers: asAna, body: JSON.stringify({ kind: "import", id: "job_anas" }) });
  assert.equal(made.status, 201);
  const page = await openBrowser(t);
  await page.goto(server.url);
  await signIn(page, ana.key);
  await card(page, "job_anas").waitFor();
  await server.request("/api/v1/revocations", { body: { subject: "ana" } });
  await page.getByText("You were signed out").waitFor();
  assert.ok(!(await page.content()).includes("job_anas"), "what was shown has left the page");
  await signIn(page, bo.key);
  await page.getByRole("heading", { name: "Nothing is running yet" }).waitFor();
  assert.equal(await page.locator(".job").count(), 0);
  await page.goto(`${server.url}/#/jobs/job_anas`);
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
});

test("what one tab does is seen in the other", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_shared");
  const page = await openBrowser(t);
  await page.goto(server.url);
  await signIn(page, key);
  const second = await page.context().newPage();
  await second.goto(server.url);
  await card(second, "job_shared").waitFor();
  await signOut(page);
  await second.getByText("You were signed out").waitFor();
  await signIn(page, key);
  await second.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await card(second, "job_shared").waitFor();
});

test("the form and the page's head are in order in both themes and widths", async (t) => {
  const server = await Server.start(t, { signIn: {} });
  const { key } = await server.key({ role: "operator", subject: "a.person.with.a.long.name@example.com" });
  await server.job("job_look", { name: "Nightly import", total: 10 });
  const page = await openBrowser(t);
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [360, 1280]) {
      const name = (what) => `sign-in-${what}-${colorScheme}-${width}`;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 760 });
      await page.goto(server.url);
      await form(page).waitFor();
      await picture(page, name("form"));
      await assertAccessible(page, name("form"));
      await field(page).fill("hw_not_a_key");
      await button(page).click();
      await alarm(page, "not valid").waitFor();
      await picture(page, name("refused"));
      await assertAccessible(page, name("refused"));
      await assertNoSidewaysScrolling(page);
      await signIn(page, key);
      await card(page, "job_look").waitFor();
      await picture(page, name("inside"));
      await assertAccessible(page, name("inside"));
      await assertNoSidewaysScrolling(page);
      await signOut(page);
      await page.getByText("You have signed out.").waitFor();
      await picture(page, name("out"));
      await assertAccessible(page, name("out"));
    }
  }
});

async function assertNoSidewaysScrolling(page) {
  const [content, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.equal(content, visible);
}
