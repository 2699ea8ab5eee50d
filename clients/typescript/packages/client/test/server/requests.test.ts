// Requests, against the real program.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { Headway, HeadwayError, Replay, type HistoryEvent } from "../../src/index.ts";
import { Server } from "../../../../testing/server.ts";
import { test } from "../../../../testing/test.ts";
import { adminOf } from "../support/admin.ts";
import { until } from "../support/until.ts";

async function all<Entry>(entries: AsyncIterable<Entry>): Promise<Entry[]> {
  const list: Entry[] = [];
  for await (const entry of entries) list.push(entry);
  return list;
}

/** Squares a number; `cat` would be an executor too. */
const WORKER = `
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    print(json.dumps({"index": item["index"], "output": int(item["input"]["n"]) ** 2}), flush=True)
`;
const EXECUTOR = { type: "command", mode: "stream", argv: ["python3", "-u", "-c", WORKER], env: ["PATH"] } as const;

describe("requests", () => {
  test("jobs are made once for each key, listed, read out and commanded", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    const one = await admin.jobs.create({ kind: "import", tags: ["x"] }, { idempotencyKey: "k1" });
    const repeated = await admin.jobs.create({ kind: "import", tags: ["x"] }, { idempotencyKey: "k1" });
    assert.equal(repeated.id, one.id);
    for (let n = 0; n < 5; n += 1) await admin.jobs.create({ kind: "import", id: `j${n}` });
    const found = await all(admin.jobs.all({ limit: 2 }));
    assert.deepEqual(found.map(({ id }) => id), ["j4", "j3", "j2", "j1", "j0", one.id]);
    assert.deepEqual((await admin.jobs.list({ tag: "x" })).jobs.map(({ id }) => id), [one.id]);

    const reply = await admin.jobs.report("j0", [{ type: "start" }, { type: "log", message: "a" }, { type: "log", message: "b" }], { producer: { id: "p", seq: 1 } });
    assert.equal(reply.status, "running");
    const events = await all(admin.jobs.events("j0", { limit: 1 }));
    assert.deepEqual(events.flatMap((event) => (event["type"] === "log" ? [event["message"]] : [])), ["a", "b"]);
    const cancelled = await admin.jobs.cancel("j0");
    assert.match(cancelled.status, /^cancel/);
  });

  test("events are read back from the newest one, page by page, and by their types", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    await admin.jobs.create({ kind: "import", id: "j" });
    await admin.jobs.report("j", [{ type: "start" }]);
    for (let n = 0; n < 7; n += 1) await admin.jobs.report("j", [{ type: "log", message: String(n) }, { type: "progress", percent: n }]);
    const forward = await all(admin.jobs.events("j"));
    const back = await all(admin.jobs.newestEvents("j", { limit: 3 }));
    assert.deepEqual(back, [...forward].reverse(), "the same, each once");
    const logs = ({ events }: { readonly events: readonly HistoryEvent[] }): unknown[] => events.map((event) => event["message"]);
    const newest = await admin.jobs.history("j", { before: "latest", types: ["log"], limit: 3 });
    assert.deepEqual(logs(newest), ["4", "5", "6"], "a page is in order");
    assert.ok(newest.previous);
    assert.equal(newest.next, undefined);
    assert.deepEqual(logs(await admin.jobs.history("j", { before: newest.previous, types: ["log"], limit: 3 })), ["1", "2", "3"]);
    assert.deepEqual(logs({ events: await all(admin.jobs.events("j", { types: ["log"], limit: 2 })) }), ["0", "1", "2", "3", "4", "5", "6"]);
    const first = await admin.jobs.history("j", { before: "latest" });
    assert.equal(first.previous, undefined, "nothing is before the beginning");
    assert.equal(first.events.length, forward.length);
    // What comes after the page is read or watched from its cursor: nothing is missing, nothing twice.
    await admin.jobs.report("j", [{ type: "log", message: "7" }]);
    assert.deepEqual(logs(await admin.jobs.history("j", { after: first.cursor })), ["7"]);
    const refused = admin.jobs.history("j", { before: "nonsense" });
    await assert.rejects(refused, (error: unknown) => error instanceof HeadwayError && error.status === 422);
  });

  test("batches are made of lists and files, and read out", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    const lines = ["n", ...Array.from({ length: 20 }, (_, n) => String(n))].join("\n");
    const content = new Blob([lines], { type: "text/csv" });
    const batch = await admin.batches.upload({ content, name: "numbers.csv" }, { executor: { ...EXECUTOR, argv: [...EXECUTOR.argv], env: [...EXECUTOR.env] } });
    const { job } = await until(admin.watchJob(batch.id), ({ ended }) => ended);
    assert.equal(job?.items?.succeeded, 20);
    const results = await all(admin.batches.results(batch.id));
    assert.deepEqual(results.map(({ output }) => output), Array.from({ length: 20 }, (_, n) => n * n));
    const items = await all(admin.batches.allItems(batch.id, { limit: 7, status: ["succeeded"] }));
    assert.deepEqual(items.map(({ index }) => index), Array.from({ length: 20 }, (_, n) => n));
    const file = await (await admin.batches.resultsFile(batch.id, "csv")).text();
    assert.equal(file.trim().split("\n").length, 21);
    const again = await admin.batches.create({ items: [{ input: { n: 3 } }], executor: { ...EXECUTOR, argv: [...EXECUTOR.argv], env: [...EXECUTOR.env] } });
    await until(admin.watchJob(again.id), ({ ended }) => ended);
    for await (const { output } of admin.batches.results(again.id)) assert.equal(output, 9);
  });

  test("a job's past is played again, and jobs are found by words", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    await admin.jobs.create({ kind: "import", id: "j", session: "Monday", metadata: { a: 1 } });
    const seen = [await admin.jobs.get("j")];
    for (let percent = 1; percent <= 30; percent += 1) {
      await admin.jobs.report("j", [...(percent === 1 ? [{ type: "start" as const }] : []), { type: "progress", percent, message: `at ${percent}` }]);
      seen.push(await admin.jobs.get("j"));
    }
    await admin.jobs.report("j", { type: "complete", result: { ok: true } });
    const last = await admin.jobs.get("j");
    const replay = new Replay();
    for await (const record of admin.jobs.allRecords("j", { limit: 7 })) replay.add([record]);
    assert.ok(replay.whole);
    assert.deepEqual(replay.document(replay.length - 1), last);
    const documents = [...replay.documents()];
    for (const document of seen) assert.deepEqual(documents.find(({ cursor }) => cursor === document.cursor), document);
    assert.equal(replay.at(replay.to ?? 0)?.status, "completed");
    assert.equal((await admin.jobs.records("j", { limit: 2 })).records.length, 2);

    assert.deepEqual((await all(admin.jobs.all({ text: "MOND" }))).map(({ id }) => id), ["j"]);
    assert.deepEqual(await all(admin.jobs.all({ text: "nowhere" })), []);
  });

  test("a batch tells why items failed and how long they took, and tries some of them again", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    const worker = `
import json, sys
for line in sys.stdin:
    item = json.loads(line)
    n = item["input"]
    answer = {"error": {"code": "odd", "message": "%d is odd" % n, "retryable": False}} if n % 2 and item["attempt"] else {"output": n}
    print(json.dumps({"index": item["index"], **answer}), flush=True)
`;
    const executor = { type: "command" as const, mode: "stream" as const, argv: ["python3", "-u", "-c", worker], env: ["PATH"] };
    const batch = await admin.batches.create({ items: [0, 1, 2, 3, 4].map((input) => ({ input })), executor, retry: { max_attempts: 1 } });
    const watch = admin.watchJob(batch.id);
    await until(watch, ({ ended }) => ended);
    const { failed, grouped, groups } = await admin.batches.errors(batch.id, { limit: 5 });
    assert.deepEqual([failed, grouped, groups.map(({ code, count, retryable }) => [code, count, retryable])], [2, 2, [["odd", 2, false]]]);
    const timings = await admin.batches.timings(batch.id, { points: 10 });
    assert.deepEqual([timings.finished, timings.points.reduce((sum, { finished }) => sum + finished, 0)], [5, 5]);
    const odd = await all(admin.batches.allItems(batch.id, { error: "odd" }));
    assert.deepEqual(odd.map(({ index }) => index), [1, 3]);
    watch.close();
    await admin.batches.retry(batch.id, { items: [3] });
    await until(admin.watchJob(batch.id), ({ job, ended }) => ended && job?.attempt === 2);
    const [one, three] = await all(admin.batches.allItems(batch.id, { error: "odd" }));
    assert.deepEqual(one, odd[0], "this one did not run again");
    assert.notEqual(three?.started_at, odd[1]?.started_at, "and this one did");
    await assert.rejects(admin.batches.retry(batch.id, { items: [0] }), (error: unknown) => error instanceof HeadwayError && error.status === 422);
  });

  test("a node tells what it is set up for, how it does, and what was done", async (t) => {
    const server = await Server.start(t, { signIn: true });
    const admin = adminOf(server, t);
    assert.deepEqual(await admin.kinds.list(), { kinds: [] });
    assert.equal(await admin.node.ready(), true);
    const { id } = await admin.jobs.create({ kind: "import" });
    await admin.jobs.cancel(id);
    const metrics = await admin.node.metrics();
    assert.equal(metrics.value("headway_http_requests", { route: "/api/v1/jobs", method: "POST", status: "201" }), 1);
    assert.ok((metrics.quantile("headway_http_request_seconds", 0.95) ?? 0) > 0);
    const entries = await all(admin.audit.all({ what: "job.cancel", limit: 1 }));
    assert.deepEqual(entries.map(({ target, outcome }) => [target, outcome]), [[id, "done"]]);
    assert.deepEqual((await admin.deadLetters.list()).dead_letters, []);
    assert.deepEqual(await all(admin.deadLetters.all()), []);
    assert.deepEqual(await admin.deadLetters.replayAll(), { replayed: 0 });
    await assert.rejects(admin.deadLetters.remove("evt_nowhere"), (error: unknown) => error instanceof HeadwayError && error.status === 404);
    await server.kill();
    await assert.rejects(admin.node.ready(), (error: unknown) => error instanceof HeadwayError && error.code === "unreachable");
  });

  test("a refusal is told as the server tells it", async (t) => {
    const admin = adminOf(await Server.start(t), t);
    await assert.rejects(admin.jobs.get("no/where?"), (error: unknown) => {
      assert.ok(error instanceof HeadwayError);
      assert.equal(error.code, error.problem?.code);
      assert.equal(error.message, error.problem?.detail);
      assert.ok(error.status === 404 || error.status === 422);
      return true;
    });
  });

  test("a request can be given up, and a server that is away is an error that may pass", async (t) => {
    const server = await Server.start(t);
    const admin = adminOf(server, t);
    const gone = AbortSignal.abort(new Error("not wanted"));
    await assert.rejects(admin.jobs.list({}, { signal: gone }), /not wanted/);
    await server.kill();
    await assert.rejects(new Headway({ url: server.url }).jobs.list(), (error: unknown) => {
      assert.ok(error instanceof HeadwayError);
      assert.equal(error.code, "unreachable");
      return error.retryable;
    });
  });

  test("keys and tokens are made and ended", async (t) => {
    const server = await Server.start(t, { signIn: true });
    const admin = adminOf(server, t);
    const { key, id } = await admin.keys.create({ name: "importer", scopes: ["watch", "report"] });
    const headway = new Headway({ url: server.url, token: () => key });
    assert.deepEqual((await headway.identity.get()).scopes, ["watch", "report"]);
    assert.ok((await all(admin.keys.all())).some((info) => info.id === id));
    const ticket = await headway.tokens.ticket();
    assert.ok(ticket.ticket.length > 10);
    await admin.keys.revoke(id);
    await assert.rejects(headway.identity.get(), (error: unknown) => error instanceof HeadwayError && error.status === 401);
  });
});
