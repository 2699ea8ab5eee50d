// examples/analysis: the older service's client in a browser, at the address that it has always had.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

import { openBrowser } from "./support/browser.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

const EXAMPLE = new URL("../../examples/analysis/", import.meta.url).pathname;

/** What its documentation tells people to paste. */
const CLIENT = `
const ws = new WebSocket(\`ws://localhost:8000/api/v1/analyze/\${analysisId}/stream\`);

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);
  
  switch(message.type) {
    case 'progress':
      console.log(\`Progress: \${message.progress}% - \${message.phase}\`);
      break;
    case 'complete':
      console.log('Analysis complete!', message.results);
      break;
    case 'error':
      console.error('Analysis failed:', message.message);
      break;
    case 'heartbeat':
      console.log('Connection alive');
      break;
  }
};
`;

/** The example's kind, for a server on another port that runs one at a time. */
async function settings() {
  const lines = await readFile(join(EXAMPLE, "headway.toml"), "utf8");
  return lines.replace(/^listen = .*$/m, "limits.max_running = 1").replace('"analysis.py"', JSON.stringify(join(EXAMPLE, "analysis.py")));
}

/** The example's page on a port of its own. */
async function site(t) {
  const page = await readFile(join(EXAMPLE, "page.html"));
  assert.ok(page.toString().includes(CLIENT), "the page has the client as it was");
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(page));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return server.address().port;
}

/** A browser for which the ports of the documentation are those of this test. */
function args(api, page) {
  return ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
    `--host-resolver-rules=MAP localhost:8000 127.0.0.1:${api},MAP localhost:8080 127.0.0.1:${page}`];
}

test("the older client, as it was, follows an analysis to its results, and one that fails to its error", async (t) => {
  const server = await Server.start(t, { settings: await settings() });
  const page = await openBrowser(t, { args: args(server.port, await site(t)), expects: ["Analysis failed"] });
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  await page.goto("http://localhost:8080/page.html");

  const { analysis_id: before } = await server.request("/api/v1/analyze", { body: { rounds: 100_000_000 } });
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("listitem").filter({ hasText: "Progress: 0% - queued" }).waitFor();
  await server.request(`/api/v1/jobs/${before}/cancel`, { body: {} });
  await page.getByRole("listitem").filter({ hasText: "Analysis complete!" }).waitFor();
  const percents = said.flatMap((line) => /^Progress: ([\d.]+)% - \w+$/.exec(line)?.[1] ?? []).map(Number);
  assert.ok(percents.length >= 2, said.join("\n"));
  assert.deepEqual(percents, percents.toSorted((one, other) => one - other));
  assert.match(said.at(-1), /^Analysis complete! /);
  assert.match(await page.getByRole("listitem").last().textContent(), /"2012 and 2013"/);

  const { analysis_id: failing } = await server.request("/api/v1/analyze", { body: { years: [1999] } });
  await page.evaluate((id) => window.watch(id), failing);
  await page.getByRole("listitem").filter({ hasText: "Analysis failed: The record has no year 1999" }).waitFor();
});
