// examples/react-use-websocket: a job in a page that has another library for WebSockets.

import assert from "node:assert/strict";

import { build, preview } from "vite";

import { complaints, openBrowser, picture } from "./support/browser.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const EXAMPLE = new URL("../../examples/react-use-websocket/", import.meta.url).pathname;

/** The built example at an address of its own, in front of a server. */
async function serve(t, server) {
  const proxy = { "/api": { target: server.url, ws: true } };
  await build({ root: EXAMPLE, logLevel: "error" });
  const site = await preview({ root: EXAMPLE, logLevel: "silent", preview: { host: "127.0.0.1", port: 0, proxy } });
  t.after(() => site.close());
  return `http://127.0.0.1:${site.httpServer.address().port}`;
}

test("a page with react-use-websocket follows a job through kill -9 to its end", async (t) => {
  const server = await Server.start(t);
  const address = await serve(t, server);
  await server.job("job_example", { name: "Nightly import" });
  await server.report("job_example", [{ type: "start" }, { type: "progress", percent: 20, message: "Reading rows" }]);

  const page = await openBrowser(t);
  const found = complaints(page);
  const addresses = [];
  page.on("websocket", (socket) => addresses.push(new URL(socket.url())));
  await page.goto(`${address}/?job=job_example`);
  const percent = (value) => page.getByRole("status").filter({ hasText: `${value} %` }).waitFor();
  await percent(20);
  await server.report("job_example", [{ type: "progress", percent: 40 }]);
  await percent(40);

  const { cursor } = await server.request("/api/v1/jobs/job_example");
  await server.kill();
  await server.start();
  await server.report("job_example", [{ type: "progress", percent: 60, message: "Writing" }]);
  await percent(60);
  await page.getByText("Writing").waitFor();
  await picture(page, "react-use-websocket");
  assert.equal(addresses.at(-1).searchParams.get("cursor"), cursor, "it goes on from the position held");

  await server.report("job_example", [{ type: "complete" }]);
  await page.getByText("completed").waitFor();
  await percent(100);
  assert.deepEqual(found, []);
});

test("a job that does not exist is asked for once", async (t) => {
  const server = await Server.start(t);
  const address = await serve(t, server);
  const page = await openBrowser(t);
  let attempts = 0;
  const closed = new Promise((resolve) => {
    page.on("websocket", (socket) => {
      attempts += 1;
      socket.on("close", resolve);
    });
  });
  await page.clock.install();
  await page.goto(`${address}/?job=job_nowhere`);
  await closed;
  // Longer than the longest wait between two attempts.
  await page.clock.runFor(40_000);
  await page.getByRole("alert").getByText("cannot be watched").waitFor();
  assert.equal(attempts, 1);
});
