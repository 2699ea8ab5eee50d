// Signing in, in a real browser: who gets in, what is left behind, and what the page says when a
// sign-in ends.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { away, heading, isMarked, live, mark, percent, row } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { alarm, button, field, form, provider, signIn, signOut, standing, who } from "./support/sign_in.js";
import { test } from "./support/test.js";

const COOKIE = "headway_session";
/** Until when a page has to have been told that what it stands on was revoked, in milliseconds: before it would ask by itself. */
const REVOKED_WITHIN_MS = 15_000;

/** A server that asks who somebody is, and a browser before its door. */
async function begin(t, { signIn: settings = {}, ...options } = {}) {
  const server = await Server.start(t, { signIn: settings });
  const page = await openBrowser(t, { expects: [401, 404, 429], ...options });
  return { server, page };
}

const isFocused = (locator) => locator.evaluate((node) => node === document.activeElement);
const nothingIsShown = async (page) => assert.equal(await page.getByText(/job_/).count(), 0, "what was shown has left the page");

test("a person signs in with a key, stays so over a reload, and signs out", async (t) => {
  const { server, page } = await begin(t);
  const { key } = await server.key({ role: "operator", subject: "ana" });
  await server.job("job_one", { name: "Nightly import" });
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(server.url);
  await form(page).waitFor();
  assert.equal(await isFocused(field(page)), true, "the field has the focus");
  assert.deepEqual(requests.filter((url) => url.includes("/api/") && !url.endsWith("/identity")), [], "nothing is asked for nobody");

  await button(page).click();
  await alarm(page, "Paste an API key or a token first.").waitFor();
  await field(page).fill(key.slice(0, -1) + (key.endsWith("x") ? "y" : "x"));
  await button(page).click();
  await alarm(page, "is not valid").waitFor();
  assert.equal(await field(page).getAttribute("aria-invalid"), "true");
  assert.equal(await isFocused(field(page)), true, "the field has the focus again");
  assert.deepEqual(await page.context().cookies(), [], "a wrong key makes no session");

  await signIn(page, key);
  await row(page, "Nightly import").waitFor();
  assert.equal(await who(page).textContent(), "ana");
  assert.equal(await standing(page), "operator · default");
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
  await row(page, "Nightly import").waitFor();
  await signOut(page);
  await page.getByText("You have signed out.").waitFor();
  await nothingIsShown(page);
  assert.equal(await field(page).inputValue(), "", "the key is not kept in the field");
  assert.deepEqual(await page.context().cookies(), []);
  const old = await fetch(`${server.url}/api/v1/identity`, { headers: { cookie: `${COOKIE}=${cookies[0].value}` } });
  assert.equal(old.status, 401, "the session is over on the server, not just in the browser");
  await page.reload();
  await form(page).waitFor();
  assert.ok(requests.every((url) => !url.includes("hw_")), "no key is in an address");
});

test("under TLS the session is sent by no other way", async (t) => {
  const { server, page } = await begin(t, { ignoreHTTPSErrors: true });
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_secure");
  await server.kill();
  server.useTls();
  await server.start();
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(new URL(socket.url()).protocol));
  await page.goto(server.url);
  await signIn(page, key);
  await row(page, "job_secure").waitFor();
  const cookies = await page.context().cookies();
  assert.deepEqual(
    cookies.map(({ name, httpOnly, sameSite, path, secure }) => ({ name, httpOnly, sameSite, path, secure })),
    [{ name: `__Host-${COOKIE}`, httpOnly: true, sameSite: "Strict", path: "/", secure: true }],
  );
  await page.reload();
  await live(page);
  assert.deepEqual([...new Set(sockets)], ["wss:"]);
});

test("nobody is asked where nobody has to sign in", async (t) => {
  const server = await Server.start(t);
  const page = await openBrowser(t);
  await page.goto(server.url);
  await live(page);
  await who(page).click();
  await page.getByRole("button", { name: "Keyboard shortcuts" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Sign out" }).count(), 0);
  assert.deepEqual(await page.context().cookies(), []);
});

test("a person signs in with a token of an identity provider, until it expires", async (t) => {
  const { server, page } = await begin(t, { signIn: provider.settings });
  const token = (seconds) => provider.token(seconds, { sub: "bo", tenant: "acme", role: "viewer", sees: "tenant" });
  await page.goto(server.url);
  await field(page).fill(token(-10));
  await button(page).click();
  await alarm(page, "has expired").waitFor();
  await signIn(page, `Bearer ${token(20)}`);
  assert.equal(await standing(page), "viewer · acme");
  await mark(page);
  await page.getByText("your sign-in has expired").waitFor();
  await signIn(page, token(600));
  assert.equal(await isMarked(page), true);
});

for (const transport of ["websocket", "events", "poll"]) {
  test(`a key is revoked while its page is open over ${transport}`, async (t) => {
    const { server, page } = await begin(t);
    const first = await server.key({ role: "viewer", name: "first" });
    const second = await server.key({ role: "viewer", name: "second" });
    await server.job("job_open", { total: 100 });
    await page.clock.install();
    await page.goto(`${server.url}/?transport=${transport}#/jobs/job_open`);
    await field(page).waitFor();
    await signIn(page, first.key);
    await heading(page, "job_open").waitFor();
    await mark(page);

    await server.request(`/api/v1/keys/${first.id}`, { method: "DELETE" });
    await page.getByText("You were signed out").waitFor({ timeout: REVOKED_WITHIN_MS });
    await nothingIsShown(page);
    assert.equal(await isFocused(field(page)), true);

    // Ten minutes in which the page asks for nothing, but once who is there now.
    const asked = [];
    page.on("request", (request) => asked.push(request.url()));
    page.on("websocket", (socket) => asked.push(socket.url()));
    await page.clock.runFor("10:00");
    assert.deepEqual(asked.filter((url) => !url.endsWith("/identity")), []);
    assert.ok(asked.length <= 1, String(asked));

    await signIn(page, second.key);
    await heading(page, "job_open").waitFor();
    await server.report("job_open", { type: "progress", done: 42 });
    await percent(page, 42);
    assert.equal(await isMarked(page), true, "it goes on where it was, without a reload");
  });
}

test("after kill -9 and a restart the person is still signed in", async (t) => {
  const { server, page } = await begin(t);
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_kept", { total: 100 });
  await page.goto(`${server.url}/#/jobs/job_kept`);
  await signIn(page, key);
  await heading(page, "job_kept").waitFor();
  await mark(page);
  await server.kill();
  await away(page);
  assert.equal(await form(page).count(), 0, "a server that is away has signed nobody out");
  await server.start();
  await live(page);
  await server.report("job_kept", { type: "progress", done: 7 });
  await percent(page, 7);
  assert.equal(await isMarked(page), true);
  await page.reload();
  await live(page);
});

for (const transport of ["websocket", "events"]) {
  test(`a session that is gone when the connection comes back is not asked for again over ${transport}`, async (t) => {
    const { server, page } = await begin(t);
    const { key } = await server.key({ role: "viewer" });
    await server.job("job_gone");
    await page.goto(`${server.url}/?transport=${transport}`);
    await signIn(page, key);
    await row(page, "job_gone").waitFor();
    await server.kill();
    await away(page);
    await page.context().clearCookies();
    await server.start();
    await page.getByText("You were signed out").waitFor();
    await nothingIsShown(page);
  });
}

test("a page that is opened while the server is away opens when it is back", async (t) => {
  const { server, page } = await begin(t);
  await page.goto(server.url);
  await form(page).waitFor();
  await page.route("**/api/v1/identity", (route) => route.abort("connectionrefused"));
  await page.reload();
  await page.getByRole("heading", { name: "The server cannot be reached" }).waitFor();
  await page.unroute("**/api/v1/identity");
  await form(page).waitFor();
});

test("the form says when the server is away, and takes the same key when it is back", async (t) => {
  const { server, page } = await begin(t);
  const { key } = await server.key({ role: "viewer" });
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
  const { server, page } = await begin(t, { signIn: { guess_burst: 1, guess_every_ms: 20_000 } });
  const { key } = await server.key({ role: "viewer" });
  await page.clock.install();
  await page.goto(server.url);
  for (const wrong of ["hwt_wrong.one.x", "hwt_wrong.two.x", "hwt_wrong.three.x"]) {
    if (await button(page).isDisabled()) break;
    await field(page).fill(wrong);
    await button(page).click();
    await page.getByRole("alert").waitFor();
  }
  await alarm(page, "Too many wrong keys").waitFor();
  assert.match(await button(page).textContent(), /^Try again in \d+ s$/);
  assert.equal(await button(page).isDisabled(), true);
  await page.clock.runFor("01:00");
  assert.equal(await button(page).textContent(), "Sign in");
  await alarm(page, "You can try again now.").waitFor();
  await signIn(page, key);
});

test("buttons are there for those who may press them, and pages for those who may see them", async (t) => {
  const { server, page } = await begin(t);
  await server.job("job_plain");
  await server.job("job_other");
  const tokenFor = async (actions) => (await server.token({ jobs: ["job_plain", "job_other"], actions })).token;
  const roles = {
    viewer: [(await server.key({ role: "viewer" })).key, [], ["Jobs", "Node"]],
    operator: [(await server.key({ role: "operator" })).key, ["Pause", "Cancel"], ["Jobs", "New batch", "Node"]],
    "a token for cancelling": [await tokenFor(["cancel"]), ["Cancel"], ["Jobs", "Node"]],
    "a token": [await tokenFor([]), [], ["Jobs", "Node"]],
  };
  for (const [role, [proof, actions, ways]] of Object.entries(roles)) {
    await page.goto(`${server.url}/#/jobs/job_plain`);
    await signIn(page, proof);
    await heading(page, "job_plain").waitFor();
    const shown = await page.getByRole("main").getByRole("button", { name: /^(Pause|Resume|Cancel|Retry)$/ }).allTextContents();
    assert.deepEqual(shown, actions, role);
    assert.deepEqual(await page.getByRole("navigation", { name: "Pages" }).getByRole("link").allTextContents(), ways, role);
    await page.goto(`${server.url}/#/batches/new`);
    await page.getByRole("heading", { name: role === "operator" ? "New batch" : "This sign-in cannot make batches" }).waitFor();
    await page.goto(`${server.url}/#/node`);
    await page.getByRole("heading", { name: "The node is for its administrators" }).waitFor();
    await signOut(page);
    await form(page).waitFor();
  }
  const { key } = await server.key({ scopes: ["report"] });
  await field(page).fill(key);
  await button(page).click();
  await page.getByRole("heading", { name: "This sign-in cannot watch" }).waitFor();
});

test("whoever has the page in sight is there, also without a click", async (t) => {
  const { server, page } = await begin(t);
  const { key } = await server.key({ role: "viewer" });
  await page.clock.install();
  await page.goto(server.url);
  const asked = [];
  await signIn(page, key);
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await Promise.all([page.waitForRequest("**/api/v1/identity"), page.clock.runFor("05:01")]);
  await page.evaluate(() => Object.defineProperty(document, "visibilityState", { value: "hidden" }));
  asked.length = 0;
  await page.clock.runFor("30:00");
  assert.ok(!asked.includes("/api/v1/identity"), "a page that nobody sees says nothing");
});

test("one person's jobs are not shown to the next", async (t) => {
  const { server, page } = await begin(t);
  const ana = await server.key({ role: "operator", subject: "ana", own_only: true });
  const bo = await server.key({ role: "operator", subject: "bo", own_only: true });
  const asAna = { authorization: `Bearer ${ana.key}`, "content-type": "application/json" };
  const made = await fetch(`${server.url}/api/v1/jobs`, { method: "POST", headers: asAna, body: JSON.stringify({ kind: "import", id: "job_anas" }) });
  assert.equal(made.status, 201);
  await page.goto(server.url);
  await signIn(page, ana.key);
  await row(page, "job_anas").waitFor();
  await server.request("/api/v1/revocations", { body: { subject: "ana" } });
  await page.getByText("You were signed out").waitFor();
  assert.ok(!(await page.content()).includes("job_anas"), "what was shown has left the page");
  await signIn(page, bo.key);
  await page.getByRole("heading", { name: "Nothing is running yet" }).waitFor();
  assert.equal(await row(page, "job_anas").count(), 0);
  await page.goto(`${server.url}/#/jobs/job_anas`);
  await page.getByRole("heading", { name: "There is no such job" }).waitFor();
});

test("what one tab does is seen in all the others", async (t) => {
  const { server, page } = await begin(t);
  const { key } = await server.key({ role: "viewer" });
  await server.job("job_shared");
  await page.goto(server.url);
  await signIn(page, key);
  const others = [await page.context().newPage(), await page.context().newPage()];
  for (const other of others) {
    await other.goto(server.url);
    await row(other, "job_shared").waitFor();
  }
  await signOut(page);
  for (const other of others) await other.getByText("You were signed out").waitFor();
  await signIn(page, key);
  for (const other of others) {
    await other.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await row(other, "job_shared").waitFor();
  }
});
