// A batch's page: from its beginning to its end, through kill -9, and what can be asked of it.

import assert from "node:assert/strict";

import { openBrowser } from "./support/browser.js";
import { away, batchIs, button, counts, countsOf, heading, isMarked, live, mark, progress, record, recorded } from "./support/dashboard.js";
import { Server } from "./support/server.js";
import { test } from "./support/test.js";

/** Starts a batch of numbers, every tenth of which fails, and opens its page. */
async function begin(t, count, options = {}, settings = {}) {
  const server = await Server.start(t);
  const page = await openBrowser(t, settings);
  const batch = await server.submit(count, options);
  await page.goto(`${server.url}/#/batches/${batch.id}`);
  await heading(page, "Squares").waitFor();
  return { server, page, id: batch.id };
}

const document = (server, id) => server.request(`/api/v1/jobs/${id}`);

/** What is shown at the end is what the server says, and on the way there nothing went back. */
async function assertTrue(server, page, id) {
  await page.getByRole("progressbar", { name: "Squares" }).and(page.locator('[aria-valuenow="100"]')).waitFor();
  const job = await document(server, id);
  assert.deepEqual(await counts(page, "Squares"), countsOf(job));
  const { percents, settled, sums } = await recorded(page);
  const { total, succeeded, failed } = job.items;
  assert.ok(percents.length >= 3 && settled.length >= 3, `few values seen: ${percents}`);
  for (const seen of [percents, settled]) assert.deepEqual(seen, [...seen].sort((a, b) => a - b), "what has ended fell");
  assert.equal(percents.at(-1), 100);
  assert.equal(settled.at(-1), succeeded + failed);
  assert.deepEqual([...new Set(sums)], [total], "the counts make the whole at every moment");
}

for (const transport of ["websocket", "events", "poll"]) {
  test(`a batch is seen moving to its end over ${transport}`, async (t) => {
    const server = await Server.start(t);
    const page = await openBrowser(t);
    const sockets = [];
    page.on("websocket", (socket) => sockets.push(socket.url()));
    await page.goto(`${server.url}/?transport=${transport}#/jobs`);
    await page.getByRole("heading", { name: "Nothing is running yet" }).waitFor();
    const batch = await server.submit(150, { hold: 0 });
    await page.getByRole("link", { name: "Squares" }).click();
    await heading(page, "Squares").waitFor();
    await record(page, "Squares");
    for (const next of [40, 80, 120]) {
      await server.release(next);
      await page.getByText(`${next} of 150 items`).waitFor();
    }
    await server.release();
    await batchIs(page, "Squares", "completed");
    await assertTrue(server, page, batch.id);
    assert.equal(sockets.length > 0, transport === "websocket");
  });
}

test("kill -9 and a restart are survived without a reload, and no number is wrong", async (t) => {
  const { server, page, id } = await begin(t, 300, { hold: 0 });
  await mark(page);
  await record(page, "Squares");
  for (const next of [30, 90]) {
    await server.release(next);
    await page.getByText(`${next} of 300 items`).waitFor();
  }
  await server.kill();
  await away(page);
  await page.getByText("What is shown is what was last known.").waitFor();
  await server.start();
  await server.release();
  await live(page);
  await batchIs(page, "Squares", "completed");
  await assertTrue(server, page, id);
  assert.equal(await isMarked(page), true);
  // What is asked for beside the stream has come back too.
  const { failed } = (await document(server, id)).items;
  await page.getByRole("region", { name: "Why items failed" }).getByText(`${failed} failed`).waitFor();
});

test("a batch is paused, resumed and cancelled, and what is not allowed is not offered", async (t) => {
  const { server, page, id } = await begin(t, 400, { hold: 100 });
  await page.getByText("100 of 400 items").waitFor();
  await button(page, "Pause").click();
  await page.getByText(/^Pausing: .* running\.$/).waitFor();
  await server.release(200);
  await batchIs(page, "Squares", "paused");
  assert.equal(await button(page, "Pause").count(), 0);
  const paused = await document(server, id);
  assert.equal(paused.status, "paused");
  assert.deepEqual(await counts(page, "Squares"), countsOf(paused));
  await button(page, "Resume").click();
  await batchIs(page, "Squares", "running");
  assert.equal(await button(page, "Resume").count(), 0);

  await page.getByRole("main").getByRole("button", { name: /^Cancel…?$/ }).click();
  const dialog = page.getByRole("dialog", { name: "Cancel Squares?" });
  await dialog.getByRole("button", { name: "Keep it going" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await document(server, id)).status, "running");
  await page.getByRole("main").getByRole("button", { name: /^Cancel…?$/ }).click();
  await page.getByRole("button", { name: "Cancel the batch" }).click();
  await server.release();
  await batchIs(page, "Squares", "cancelled");
  const job = await document(server, id);
  assert.deepEqual(await counts(page, "Squares"), countsOf(job));
  assert.equal(await page.getByRole("main").getByRole("button", { name: /^(Pause|Resume|Cancel…?)$/ }).count(), 0);
  await page.getByRole("main").getByRole("button", { name: /^Retry/ }).waitFor();
});

for (const transport of ["websocket", "events", "poll"]) {
  test(`what runs again after its end is seen over ${transport}`, async (t) => {
    const server = await Server.start(t);
    const page = await openBrowser(t);
    const { id } = await server.submit(20);
    await page.goto(`${server.url}/?transport=${transport}#/batches/${id}`);
    await batchIs(page, "Squares", "completed");
    // Nothing is watched any more: the connection may have been closed.
    await button(page, "Retry 2 failed").click();
    await page.getByText("attempt 2", { exact: true }).waitFor();
    await batchIs(page, "Squares", "completed");
    assert.equal((await document(server, id)).attempt, 2);
  });
}

test("a batch that stands at its budget goes on with a larger one", async (t) => {
  const server = await Server.start(t, { example: true });
  const page = await openBrowser(t);
  const items = Array.from({ length: 30 }, (_, n) => ({ custom_id: `a-${n}`, input: { custom_id: `a-${n}`, city: "x", state: "y", latitude: "40", longitude: "-90" } }));
  const { id } = await server.request("/api/v1/batches", { body: { kind: "round-trips", name: "Squares", items, budget: { max_budget: "0.05" } } });
  await page.goto(`${server.url}/#/batches/${id}`);
  await batchIs(page, "Squares", "paused");
  await page.getByText("The budget is reached").waitFor();
  const stopped = await document(server, id);
  assert.ok(stopped.items.queued > 0);
  await button(page, "Raise the budget").click();
  await page.getByLabel("New budget in USD").fill("5");
  await page.getByRole("button", { name: "Resume" }).click();
  await batchIs(page, "Squares", "completed");
  const job = await document(server, id);
  assert.equal(job.cost.budget, "5.00");
  assert.deepEqual(await counts(page, "Squares"), countsOf(job));
  await page.getByText("The budget is reached").waitFor({ state: "detached" });
});

test("items are run again: one, some by their boxes, all that failed", async (t) => {
  const { server, page, id } = await begin(t, 60);
  const items = page.getByRole("table", { name: "Items" });
  const attempts = async (status) => (await server.request(`/api/v1/batches/${id}/items?status=${status}&limit=100`)).items.map(({ index, attempts: tries }) => [index, tries]);
  const attemptIs = async (number) => {
    await page.getByText(`attempt ${number}`, { exact: true }).waitFor();
    await batchIs(page, "Squares", "completed");
  };
  // While it runs nothing can be run again, and the page says why.
  await page.getByRole("button", { name: /^Failed/ }).click();
  await items.getByRole("button", { name: /n-9$/ }).click();
  const detail = page.getByRole("complementary", { name: "Item 9" });
  await batchIs(page, "Squares", "completed");
  await detail.getByRole("button", { name: "Retry this item" }).click();
  await attemptIs(2);
  assert.deepEqual((await attempts("failed")).map(([index]) => index), [9, 19, 29, 39, 49, 59]);
  await detail.getByRole("button", { name: "Close the item" }).click();

  for (const name of ["n-19", "n-39"]) await items.getByRole("checkbox", { name: `Tick ${name}` }).check();
  const ticked = page.getByRole("region", { name: "Ticked items" });
  await ticked.getByText("2 items ticked").waitFor();
  await ticked.getByRole("button", { name: "Retry them" }).click();
  await attemptIs(3);
  await page.getByText("2 items run again.").waitFor();

  await page.getByRole("button", { name: "Retry 6 failed" }).click();
  await attemptIs(4);
  const job = await document(server, id);
  assert.equal(job.attempt, 4);
  assert.deepEqual(await counts(page, "Squares"), countsOf(job));
  assert.equal(await items.getByRole("checkbox", { name: /^Tick n-[0-8]$/ }).count(), 0, "what succeeded has no box");
});

test("why items failed leads to just these, and one is seen in full", async (t) => {
  const { page } = await begin(t, 40);
  await batchIs(page, "Squares", "completed");
  const reasons = page.getByRole("region", { name: "Why items failed" });
  await reasons.getByText("nines are not squared").waitFor();
  await reasons.getByRole("button", { name: "Show items" }).click();
  const items = page.getByRole("table", { name: "Items" });
  await page.getByText("4 items", { exact: true }).waitFor();
  assert.match(page.url(), /error=nine/);
  await page.reload();
  await page.getByText("4 items", { exact: true }).waitFor();
  assert.equal(await items.getByRole("row").count(), 5, "four and the heading");
  await items.getByRole("button", { name: /n-19$/ }).click();
  const detail = page.getByRole("complementary", { name: "Item 19" });
  await detail.getByText("nines are not squared").waitFor();
  await detail.getByText("19", { exact: true }).first().waitFor();
});

test("results are downloaded as they are", async (t) => {
  const { server, page, id } = await begin(t, 40);
  await batchIs(page, "Squares", "completed");
  for (const [name, query] of [["All items as JSONL", "format=jsonl"], ["Failed as CSV", "format=csv&status=failed"]]) {
    await page.getByRole("button", { name: "Results" }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    const answer = await fetch(`${server.url}/api/v1/batches/${id}/results?${query}`);
    assert.equal(await text(await download.createReadStream()), await answer.text(), name);
    assert.match(download.suggestedFilename(), new RegExp(`^${id}.*\\.(jsonl|csv)$`));
  }
});

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
