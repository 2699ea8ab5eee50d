// A batch as somebody makes it: a file, its preview, a kind, what it would cost, and its run to the end.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { batchIs, counts, countsOf, heading, record, recorded } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

/** Places in a row, of which the third tells no city; fields have commas, quotes and other scripts. */
const ROWS = [
  "custom_id,name,city,state,latitude,longitude",
  'A1,"North, East",Springfield,IL,39.1,-89.5',
  "A2,Aéroport 北,Decatur,IL,39.8,-88.9",
  "A3,Nowhere,NA,IL,40.1,-88.2",
  'A4,"The ""old"" field",Peoria,IL,40.6,-89.6',
  ...Array.from({ length: 16 }, (_, n) => `B${n},Field ${n},Town,IA,${41 + n / 10},-92.${n}`),
].join("\n");
const FILE = { name: "places.csv", mimeType: "text/csv", buffer: Buffer.from(ROWS) };

test("a CSV file becomes a batch: preview, kind, estimate, run, results", async (t) => {
  const server = await Server.start(t, { example: true });
  const page = await openBrowser(t);
  await page.goto(`${server.url}/#/jobs`);
  await page.getByRole("navigation").getByRole("link", { name: "New batch" }).click();
  await heading(page, "New batch").waitFor();
  await page.getByRole("button", { name: "Start the batch" }).click();
  await page.getByText("Choose a file, or paste items.").waitFor();

  await page.getByLabel("File of items").setInputFiles(FILE);
  const preview = page.getByRole("region", { name: "The first items" });
  await preview.getByRole("cell", { name: "North, East" }).waitFor();
  await preview.getByRole("cell", { name: 'The "old" field' }).waitFor();
  await page.getByText(/20 items/).first().waitFor();
  await page.getByRole("combobox", { name: "Kind" }).selectOption("round-trips");
  await page.getByRole("textbox", { name: "Name" }).fill("Round trips");
  await page.getByRole("textbox", { name: "Tags" }).fill("nightly, eu");
  const estimate = page.getByRole("region", { name: "Estimate" });
  await estimate.getByText("would run").waitFor();
  const asked = await estimate.textContent();
  const told = await estimateOf(server);
  assert.ok(asked.includes(`$${Number(told.mid).toFixed(2)}`), `${asked}: ${told.mid}`);
  await page.getByRole("textbox", { name: /^Budget/ }).fill("0.01");
  await estimate.getByText(/More than the budget/).waitFor();
  await page.getByRole("textbox", { name: /^Budget/ }).fill("5");
  await estimate.getByText(/Within the budget/).waitFor();

  await page.getByRole("button", { name: "Start the batch" }).click();
  await heading(page, "Round trips").waitFor();
  await record(page, "Round trips");
  await batchIs(page, "Round trips", "completed");
  const id = /batches\/(bat_\w+)/.exec(page.url())?.[1];
  const job = await server.request(`/api/v1/jobs/${id}`);
  assert.deepEqual(await counts(page, "Round trips"), countsOf(job));
  assert.deepEqual(await page.evaluate(() => window.seen.percents.at(-1)), 100);
  assert.deepEqual([...new Set((await recorded(page)).sums)], [20]);
  assert.deepEqual([job.tags, job.cost.budget, job.items.succeeded, job.items.failed], [["nightly", "eu"], "5.00", 19, 1]);
  await page.getByRole("region", { name: "Why items failed" }).getByText("The record does not tell the city.").waitFor();
  await page.getByRole("button", { name: "Results" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "All items as CSV" }).click()]);
  const answer = await fetch(`${server.url}/api/v1/batches/${id}/results?format=csv`);
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), await answer.text());
});

/** What the server says of the same file. */
function estimateOf(server) {
  const form = new FormData();
  form.append("options", new Blob(['{"kind":"round-trips"}'], { type: "application/json" }));
  form.append("file", new Blob([ROWS]), "places.csv");
  return server.request("/api/v1/estimates", { method: "POST", form });
}

test("text that is pasted, lines that are none, and a batch that waits", async (t) => {
  const server = await Server.start(t, { example: true });
  const page = await openBrowser(t);
  await page.goto(`${server.url}/#/batches/new`);
  await page.getByRole("button", { name: "Paste text" }).click();
  await page.getByRole("textbox", { name: "Items", exact: true }).fill('{"custom_id":"one","input":{"a":1}}\nnot a line\n{"custom_id":"two","input":{"a":2}}');
  await page.getByRole("button", { name: "Use this text" }).click();
  await page.getByText("1 line is no item").waitFor();
  await page.getByText("Line 2:").waitFor();
  const wait = page.getByRole("checkbox", { name: /Do not start yet/ });
  await wait.check();
  await page.getByRole("button", { name: "Make the batch" }).click();
  await page.getByRole("button", { name: "Resume", exact: true }).waitFor();
  const id = /batches\/(bat_\w+)/.exec(page.url())?.[1];
  const job = await server.request(`/api/v1/jobs/${id}`);
  assert.equal(job.status, "paused");
  assert.equal(job.items.total, 3);
});

test("what the server refuses stands where it belongs, and nothing is lost of what was filled in", async (t) => {
  const server = await Server.start(t, { example: true });
  const page = await openBrowser(t, { expects: [422] });
  await page.goto(`${server.url}/#/batches/new`);
  await page.getByLabel("File of items").setInputFiles(FILE);
  await page.getByRole("textbox", { name: "Name" }).fill("Kept");
  await page.getByRole("textbox", { name: "Items at once" }).fill("many");
  await page.getByRole("button", { name: "Start the batch" }).click();
  const wrong = page.getByRole("textbox", { name: "Items at once" });
  await page.locator('[aria-invalid="true"]').first().waitFor();
  assert.equal(await wrong.getAttribute("aria-invalid"), "true");
  assert.equal((await server.request("/api/v1/jobs")).jobs.length, 0, "nothing was made");
  await wrong.fill("2");
  assert.equal(await page.getByRole("textbox", { name: "Name" }).inputValue(), "Kept");
  await page.getByRole("button", { name: "Start the batch" }).click();
  await heading(page, "Kept").waitFor();
});
