// Watching, over each transport, against the real program.

import assert from "node:assert/strict";
import { describe, type TestContext } from "node:test";

import { Headway, type ConnectOptions, type JobEvent } from "../../src/index.ts";
import { Server } from "../../../../testing/server.ts";
import { test } from "../../../../testing/test.ts";
import { BlockedSocket, Gate, Sockets } from "../support/sockets.ts";
import { adminOf } from "../support/admin.ts";
import { until } from "../support/until.ts";

function watching(test: TestContext, server: Server, options: ConnectOptions = {}): Headway {
  const headway = new Headway({ url: server.url, WebSocket: Sockets, ...options });
  test.after(() => {
    headway.close();
  });
  return headway;
}

describe("each transport", () => {
  for (const transport of ["websocket", "events", "poll"] as const) {
    test(`${transport}: a job from its making to its end, with its events`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      const headway = watching(t, server, { transports: [transport] });
      await admin.jobs.create({ kind: "import", id: "j", tags: ["x"], metadata: { untouched: { deep: true } } });
      const happened: string[] = [];
      const note = (frame: JobEvent): void => {
        happened.push(frame.type === "gap" ? frame.reason : String(frame.event["message"]));
      };
      const watch = headway.watchJob("j", { events: ["log"], minIntervalMs: 0, onEvent: note });
      const list = headway.watchJobs({ tag: "x" });
      const first = await until(watch, ({ job }) => job !== undefined);
      assert.equal(first.job?.status, "pending");
      assert.equal(watch.getSnapshot(), watch.getSnapshot());

      await admin.jobs.report("j", [{ type: "start" }, { type: "log", message: "one" }, { type: "progress", percent: 40 }]);
      const later = await until(watch, ({ job }) => job?.progress?.percent === 40);
      assert.equal(later.job?.metadata, first.job.metadata, "what did not change is the same object");
      assert.deepEqual(first.job.progress, {}, "what was read before is as it was");
      assert.throws(() => {
        (later.job as { name: string }).name = "changed";
      }, TypeError);

      await admin.jobs.report("j", [{ type: "log", message: "two" }, { type: "complete", result: { ok: true } }]);
      const last = await until(watch, ({ ended }) => ended);
      assert.equal(last.job?.status, "completed");
      assert.deepEqual(last.job.result, { ok: true });
      assert.deepEqual(happened, ["one", "two"]);
      const listed = await until(list, ({ jobs }) => jobs[0]?.status === "completed");
      assert.deepEqual(listed.jobs.map(({ id }) => id), ["j"]);
      const { job } = watch.getSnapshot();
      assert.deepEqual(job, await admin.jobs.get("j"), "the document is the one that a request gives");
    });

    test(`${transport}: a job that does not exist says so`, async (t) => {
      const server = await Server.start(t);
      const watch = watching(t, server, { transports: [transport] }).watchJob("nowhere");
      const { error, job } = await until(watch, (snapshot) => snapshot.error !== undefined);
      assert.equal(error?.code, "not_found");
      assert.equal(job, undefined);
    });

    test(`${transport}: a job that is watched in several ways is brought to all of them`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      const headway = watching(t, server, { transports: [transport] });
      await admin.jobs.create({ kind: "import", id: "j", tags: ["x"] });
      const heard: unknown[] = [];
      // Whoever listens is first: when a state is there, the server has taken its question before all others.
      const watches = [
        headway.watchJob("j", { events: ["log"], onEvent: (event) => heard.push(event.type === "event" ? event.event["message"] : event.reason) }),
        headway.watchJob("j"),
        headway.watchJob("j", { minIntervalMs: 500 }),
      ];
      const list = headway.watchJobs({ tag: "x" });
      for (const watch of watches) await until(watch, ({ job }) => job?.status === "pending");
      await admin.jobs.report("j", [{ type: "start" }, { type: "log", message: "one" }, { type: "complete" }]);
      for (const watch of watches) {
        const { error } = await until(watch, ({ ended }) => ended);
        assert.equal(error, undefined);
      }
      assert.deepEqual(list.getSnapshot().jobs.map(({ status }) => status), ["completed"]);
      assert.deepEqual(heard, ["one"]);
    });

    test(`${transport}: another attempt after the end is seen by whoever asked for it`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      await admin.jobs.create({ kind: "import", id: "j" });
      await admin.jobs.report("j", [{ type: "start" }, { type: "fail", error: { code: "broken", message: "no" } }]);
      const headway = watching(t, server, { transports: [transport] });
      const watch = headway.watchJob("j");
      await until(watch, ({ ended, connection }) => ended && (transport === "websocket" || connection.state === "idle"));
      await headway.jobs.retry("j");
      const { job } = await until(watch, (snapshot) => snapshot.job?.attempt === 2);
      assert.equal(job?.error, undefined);
    });

    test(`${transport}: two jobs with their events lose none when the server is killed`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      const headway = watching(t, server, { transports: [transport] });
      const happened = new Map<string, unknown[]>();
      const watches = [];
      for (const id of ["i", "j"]) {
        await admin.jobs.create({ kind: "import", id });
        await admin.jobs.report(id, [{ type: "start" }, { type: "progress", percent: 1 }]);
        happened.set(id, []);
        const watch = headway.watchJob(id, {
          events: ["log"],
          onEvent: (frame) => happened.get(id)?.push(frame.type === "gap" ? frame.reason : frame.event["message"]),
        });
        watches.push(watch);
      }
      for (const watch of watches) await until(watch, ({ job }) => job?.progress?.percent === 1);
      await server.kill();
      for (const watch of watches) await until(watch, ({ connection }) => connection.state === "waiting");
      await server.start();
      for (const id of ["i", "j"]) await admin.jobs.report(id, [{ type: "log", message: "away" }, { type: "progress", percent: 2 }]);
      for (const watch of watches) await until(watch, ({ job }) => job?.progress?.percent === 2);
      assert.deepEqual([...happened], [["i", ["away"]], ["j", ["away"]]]);
    });

    test(`${transport}: listeners on a session, on a tag and on all jobs lose no event while nobody is connected`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      for (const id of ["i", "j"]) {
        await admin.jobs.create({ kind: "import", id, tags: ["x"], session: "s" });
        await admin.jobs.report(id, [{ type: "start" }, { type: "progress", percent: 1 }]);
      }
      const gate = new Gate();
      const listeners = ([{ session: "s" }, { tag: "x" }, { all: true }] as const).flatMap((selector) => [false, true].map((isNamed) => {
        const headway = watching(t, server, { transports: [transport], fetch: gate.fetch, WebSocket: gate.WebSocket });
        const heard: Record<string, unknown[]> = { i: [], j: [] };
        const list = headway.watchJobs(selector, {
          events: ["log"],
          onEvent: (frame) => heard[frame.job]?.push(frame.type === "gap" ? frame.reason : frame.event["message"]),
        });
        // Somebody who shows the job without its events says a position too.
        if (isNamed) headway.watchJob("i");
        return { headway, heard, list, name: `${JSON.stringify(selector)}${isNamed ? " beside i" : ""}` };
      }));
      const percents = (list: { readonly jobs: readonly { readonly id: string; readonly progress?: { readonly percent?: number | null } | null }[] }): string =>
        list.jobs.map(({ id, progress }) => `${id} ${progress?.percent ?? 0}`).sort().join();
      for (const { list } of listeners) await until(list, (snapshot) => percents(snapshot) === "i 1,j 1");
      await admin.jobs.report("i", [{ type: "log", message: "before" }, { type: "progress", percent: 2 }]);
      for (const { list } of listeners) await until(list, (snapshot) => percents(snapshot) === "i 2,j 1");
      gate.isOpen = false;
      await server.kill();
      for (const { headway } of listeners) await until(headway.connection, ({ state }) => state === "waiting");
      await server.start();
      await admin.jobs.report("i", [{ type: "log", message: "away" }, { type: "progress", percent: 3 }]);
      await admin.jobs.report("j", [{ type: "log", message: "away" }, { type: "progress", percent: 50 }, { type: "complete" }]);
      gate.isOpen = true;
      for (const { headway } of listeners) headway.signedIn();
      for (const { list, heard, name } of listeners) {
        await until(list, ({ jobs }) => jobs.some(({ id, progress }) => id === "i" && progress?.percent === 3) && jobs.some(({ status }) => status === "completed"));
        assert.deepEqual(heard, { i: ["before", "away"], j: ["away"] }, name);
      }
    });

    test(`${transport}: kill -9 and a new start lose nothing and repeat nothing`, async (t) => {
      const server = await Server.start(t);
      const admin = adminOf(server, t);
      await admin.jobs.create({ kind: "import", id: "j" });
      await admin.jobs.report("j", { type: "start" });
      const happened: unknown[] = [];
      const headway = watching(t, server, { transports: [transport] });
      const watch = headway.watchJob("j", {
        onEvent: (frame) => {
          if (frame.type === "gap") happened.push(frame.reason);
          else if (frame.event.type === "log") happened.push(frame.event["message"]);
        },
      });
      await until(watch, ({ job }) => job?.status === "running");
      await admin.jobs.report("j", [{ type: "log", message: "before" }, { type: "progress", percent: 10 }]);
      await until(watch, ({ job }) => job?.progress?.percent === 10);
      await server.kill();
      const alone = await until(watch, ({ connection }) => connection.state === "waiting");
      assert.equal(alone.job?.progress?.percent, 10, "the last document stays");
      await server.start();
      await admin.jobs.report("j", [{ type: "log", message: "after" }, { type: "complete" }]);
      const { job } = await until(watch, ({ ended }) => ended);
      assert.equal(job?.status, "completed");
      assert.deepEqual(happened, ["before", "after"]);
    });
  }
});

describe("the connection", () => {
  test("where no WebSocket gets through, Server-Sent Events do", async (t) => {
    const server = await Server.start(t);
    await adminOf(server, t).jobs.create({ kind: "import", id: "j" });
    BlockedSocket.count = 0;
    const headway = watching(t, server, { WebSocket: BlockedSocket, attempts: 1 });
    const watch = headway.watchJob("j");
    const { connection } = await until(watch, ({ job }) => job !== undefined);
    assert.deepEqual(connection, { state: "live", transport: "events", tab: "alone" });
    assert.equal(BlockedSocket.count, 2, "one attempt, and one more after the wait");
  });

  test("where streams do not get through either, polls do", async (t) => {
    const server = await Server.start(t);
    await adminOf(server, t).jobs.create({ kind: "import", id: "j" });
    const noStreams: ConnectOptions["fetch"] = (input, init) => {
      const accept = new Headers(init.headers).get("accept");
      return accept === "text/event-stream" ? Promise.reject(new TypeError("blocked")) : fetch(input, init);
    };
    const headway = watching(t, server, { WebSocket: BlockedSocket, attempts: 1, fetch: noStreams });
    const { connection } = await until(headway.watchJob("j"), ({ job }) => job !== undefined);
    assert.deepEqual(connection, { state: "live", transport: "poll", tab: "alone" });
  });

  test("all watches share one, and it is let go with the last", async (t) => {
    const server = await Server.start(t);
    const admin = adminOf(server, t);
    let made = 0;
    class Counted extends (Sockets as unknown as new (url: string, protocols: string[]) => object) {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        made += 1;
      }
    }
    const headway = watching(t, server, { WebSocket: Counted as never });
    await Promise.all(["a", "b"].map((id) => admin.jobs.create({ kind: "import", id })));
    const watches = ["a", "a", "b"].map((id) => headway.watchJob(id));
    for (const watch of watches) await until(watch, ({ job }) => job !== undefined);
    assert.equal(made, 1);
    for (const watch of watches) watch.close();
    assert.equal(watches[0]?.getSnapshot().job?.id, "a", "the last document stays");
    await until(headway.connection, ({ state }) => state === "idle");
    const again = headway.watchJob("a");
    await until(again, ({ job }) => job !== undefined);
    assert.equal(made, 2);
  });

  test("a job that is retried goes on", async (t) => {
    const server = await Server.start(t);
    const admin = adminOf(server, t);
    await admin.jobs.create({ kind: "import", id: "j" });
    const watch = watching(t, server).watchJob("j");
    await admin.jobs.report("j", [{ type: "start" }, { type: "fail", error: { code: "broken", message: "it broke" } }]);
    await until(watch, ({ ended }) => ended);
    await admin.jobs.retry("j");
    const { job } = await until(watch, (snapshot) => snapshot.job?.attempt === 2);
    assert.equal(job?.attempt, 2);
    assert.equal(watch.getSnapshot().ended, false);
  });
});
