// The server's time on machines whose clocks are wrong, from the answers of a real server that says what time it is.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mock, type TestContext } from "node:test";

import { Headway } from "../../src/index.ts";
import { test } from "../../../../testing/test.ts";

const NOW = Date.parse("2026-11-22T12:00:00.000Z");
const HOUR_MS = 3_600_000;

/** A client whose machine says `local`, of a server that says `NOW`, or nothing of the time. */
async function begin(t: TestContext, { local, said = new Date(NOW).toUTCString() }: { local: number; said?: string | undefined }) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
    response.sendDate = false;
    if (said !== "") response.setHeader("date", said);
    response.setHeader("content-type", "application/json");
    response.end(request.method === "HEAD" ? undefined : '{"jobs":[]}');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  mock.timers.enable({ apis: ["Date"], now: local });
  const headway = new Headway({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, shared: false });
  t.after(() => {
    mock.timers.reset();
    headway.close();
    server.closeAllConnections();
    server.close();
  });
  const answered = once(server, "request");
  return { headway, asked, answered };
}

for (const [clock, aheadMs] of [["two hours ahead", 2 * HOUR_MS], ["two hours behind", -2 * HOUR_MS]] as const) {
  test(`a clock that is ${clock} is set right by any answer`, async (t) => {
    const local = NOW + aheadMs;
    const { headway } = await begin(t, { local });
    assert.equal(headway.serverTime(), local, "nothing is known yet");
    await headway.jobs.list();
    assert.ok(Math.abs(headway.serverTime() - NOW) <= 500, `${headway.serverTime() - NOW} ms`);
    assert.equal(headway.serverTime(local + 60_000) - headway.serverTime(local), 60_000, "as much passes as passes here");
  });
}

test("a clock that is right within a few seconds is used as it is", async (t) => {
  for (const local of [NOW, NOW + 4_000, NOW - 4_000]) {
    const { headway } = await begin(t, { local });
    await headway.jobs.list();
    assert.equal(headway.serverTime(), local);
    mock.timers.reset();
  }
});

test("what was learned does not hold when the clock was set since then", async (t) => {
  const { headway, asked } = await begin(t, { local: NOW + 2 * HOUR_MS });
  await headway.jobs.list();
  mock.timers.setTime(NOW + 7 * HOUR_MS);
  assert.equal(headway.serverTime(), NOW + 7 * HOUR_MS);
  await headway.jobs.list();
  assert.ok(Math.abs(headway.serverTime() - NOW) <= 500);
  assert.equal(asked.length, 2);
});

test("who requests nothing asks once, and nobody asks for what is known", async (t) => {
  const { headway, asked, answered } = await begin(t, { local: NOW + 2 * HOUR_MS });
  headway.learnTime();
  headway.learnTime();
  await answered;
  await headway.jobs.list();
  headway.learnTime();
  await headway.jobs.list();
  assert.deepEqual(asked.map((line) => line.split(" ")[0]).sort(), ["GET", "GET", "HEAD"]);
  assert.ok(Math.abs(headway.serverTime() - NOW) <= 500);
});

test("where no answer says the time, the clock is taken as it is", async (t) => {
  const { headway } = await begin(t, { local: NOW + 2 * HOUR_MS, said: "" });
  await headway.jobs.list();
  assert.equal(headway.serverTime(), NOW + 2 * HOUR_MS);
});
