// Pages of other origins: what they can do with the session of somebody who has signed in.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";

import { openBrowser } from "./support/browser.js";
import { button, heading, live } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { signIn } from "./support/sign_in.js";
import { test } from "./support/test.js";

/** A server of somebody else's pages. */
async function elsewhere(t) {
  const server = createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>Elsewhere</title><p>A page of another origin.");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return server.address().port;
}

/** Runs in the page: everything by which it could use the session. */
async function tryEverything({ url, job }) {
  const attempt = async (options) => {
    try {
      const response = await fetch(`${url}/api/v1/jobs/${job}/cancel`, { method: "POST", credentials: "include", ...options });
      return response.type === "opaque" ? "sent" : `answered ${response.status}`;
    } catch {
      return "refused";
    }
  };
  const socket = await new Promise((resolve) => {
    const opened = new WebSocket(`${url.replace("http", "ws")}/api/v1/stream?all=true`, ["headway.v1"]);
    opened.onmessage = ({ data }) => resolve(data);
    opened.onclose = ({ code }) => resolve(`closed ${code}`);
  });
  const events = await new Promise((resolve) => {
    const opened = new EventSource(`${url}/api/v1/stream?all=true`, { withCredentials: true });
    opened.addEventListener("hello", ({ data }) => resolve(data));
    opened.onerror = () => {
      opened.close();
      resolve("refused");
    };
  });
  const read = await fetch(`${url}/api/v1/jobs`, { credentials: "include" }).then(() => "read", () => "refused");
  await fetch(`${url}/api/v1/identity`, { credentials: "include", mode: "no-cors" });
  const frame = document.createElement("iframe");
  const framed = new Promise((resolve) => { frame.onload = resolve; });
  frame.src = url;
  document.body.append(frame);
  await framed;
  return {
    plain: await attempt({ mode: "no-cors" }),
    asking: await attempt({ headers: { "content-type": "application/json" }, body: "{}" }),
    socket, events, read,
  };
}

// Another port of the same name is another origin of the same site: the cookie goes along, and the
// origin is what refuses it. Another name is another site: the cookie does not go along at all.
for (const [site, name, carries] of [["the same site", "127.0.0.1", true], ["another site", "localhost", false]]) {
  test(`a page of another origin on ${site} can neither command nor watch`, async (t) => {
    const server = await Server.start(t, { signIn: {} });
    const port = await elsewhere(t);
    await server.job("job_target");
    const { key } = await server.key({ role: "operator" });
    const page = await openBrowser(t, { expects: [401, 403, "CORS policy", "frame-ancestors", "net::ERR_FAILED"] });
    await page.goto(`${server.url}/#/jobs/job_target`);
    await signIn(page, key);
    await heading(page, "job_target").waitFor();

    const other = await page.context().newPage();
    const answers = [];
    other.on("response", (response) => {
      const [, path] = response.url().split("/api/v1");
      if (response.request().method() !== "OPTIONS") answers.push([path, response.status()]);
    });
    await other.goto(`http://${name}:${port}/`);
    const done = await other.evaluate(tryEverything, { url: server.url, job: "job_target" });
    assert.deepEqual(done, { plain: "sent", asking: "refused", socket: "closed 1006", events: "refused", read: "refused" });
    const statusesOf = (path) => answers.filter(([asked]) => asked === path).map(([, status]) => status);
    assert.deepEqual(statusesOf("/identity"), [carries ? 200 : 401], "whether the cookie goes along");
    assert.deepEqual(statusesOf("/jobs/job_target/cancel"), [403], "what is sent without asking is refused");
    const [frame] = other.frames().filter((frame) => frame !== other.mainFrame());
    assert.ok(!await frame.locator("main").count(), "the page is shown in nobody's frame");

    const { status } = await server.request("/api/v1/jobs/job_target");
    assert.equal(status, "pending", "nothing was cancelled");
    // The person goes on undisturbed, and what the other page could not do the person can.
    await page.bringToFront();
    await button(page, "Cancel").click();
    await page.getByRole("button", { name: "Cancel the job" }).click();
    await page.getByText(/^Cancel(ling|led)$/).first().waitFor();
    await page.reload();
    await live(page);
  });
}
