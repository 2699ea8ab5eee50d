// Signing in with watch tokens, renewing, and being sent away, against the real program.

import assert from "node:assert/strict";
import { describe, type TestContext } from "node:test";

import { Headway, HeadwayError, type TokenSource, type TransportName } from "../../src/index.ts";
import { ADMIN_KEY, Server } from "../../../../testing/server.ts";
import { test } from "../../../../testing/test.ts";
import { Sockets } from "../support/sockets.ts";
import { adminOf } from "../support/admin.ts";
import { until } from "../support/until.ts";

interface Scene {
  readonly server: Server;
  readonly admin: Headway;
  /** Makes a token for the job `j`. */
  readonly token: (ttlMs?: number) => Promise<{ readonly token: string; readonly id: string }>;
  readonly client: (token: TokenSource, transport?: TransportName) => Headway;
}

/** A server with sign-in and a job that runs. */
async function scene(test: TestContext): Promise<Scene> {
  const server = await Server.start(test, { signIn: true });
  const admin = adminOf(server, test);
  await admin.jobs.create({ kind: "import", id: "j" });
  await admin.jobs.report("j", { type: "start" });
  return {
    server,
    admin,
    token: (ttlMs) => admin.tokens.create({ jobs: ["j"], subject: "maya", ...(ttlMs !== undefined && { ttl_ms: ttlMs }) }),
    client: (token, transport) => {
      const options = transport === undefined ? {} : { transports: [transport] };
      const headway = new Headway({ url: server.url, WebSocket: Sockets, token, ...options });
      test.after(() => {
        headway.close();
      });
      return headway;
    },
  };
}

describe("sign-in", () => {
  for (const transport of ["websocket", "events", "poll"] as const) {
    test(`${transport}: a watch token shows its job and no other`, async (t) => {
      const { admin, token, client } = await scene(t);
      await admin.jobs.create({ kind: "import", id: "another" });
      const { token: text } = await token();
      const headway = client(() => text, transport);
      const { job } = await until(headway.watchJob("j"), (snapshot) => snapshot.job !== undefined);
      assert.equal(job?.status, "running");
      const { error } = await until(headway.watchJob("another"), (snapshot) => snapshot.error !== undefined);
      assert.equal(error?.code, "not_found");
    });

    test(`${transport}: who is sent away is signed out, is asked for nothing more, and goes on with a new token`, async (t) => {
      const { admin, token, client } = await scene(t);
      const first = await token();
      let held = first.token;
      let asked = 0;
      const headway = client(() => {
        asked += 1;
        return held;
      }, transport);
      const watch = headway.watchJob("j");
      await until(watch, ({ job }) => job !== undefined);
      await admin.tokens.revoke({ token: first.id });
      // A poll that waits is answered with the next thing that happens, and refused then.
      await admin.jobs.report("j", { type: "progress", percent: 5 });
      const out = await until(watch, ({ connection }) => connection.state === "signed_out");
      assert.equal(out.job?.id, "j", "the last document stays");
      assert.equal(asked, 2, "at the beginning, and once after the refusal");

      await admin.jobs.report("j", { type: "progress", percent: 60 });
      held = (await token()).token;
      headway.signedIn();
      const { job } = await until(watch, (snapshot) => snapshot.job?.progress?.percent === 60);
      assert.equal(job?.id, "j");
      assert.equal(headway.connection.getSnapshot().state, "live");
    });

    test(`${transport}: a token that nobody knows is a state, not a loop`, async (t) => {
      const { client } = await scene(t);
      let asked = 0;
      const headway = client(() => {
        asked += 1;
        return "hwt_nonsense";
      }, transport);
      headway.watchJob("j");
      const state = await until(headway.connection, ({ state: now }) => now === "signed_out");
      assert.deepEqual(state, { state: "signed_out", reason: "unauthenticated", tab: "alone" });
      assert.equal(asked, 2);
    });

    test(`${transport}: a token that ends is replaced without anybody noticing`, async (t) => {
      const { admin, token, client } = await scene(t);
      const shown: string[] = [];
      const headway = client(async () => {
        const { token: text } = await token(shown.length === 0 ? 2_000 : 600_000);
        shown.push(text);
        return text;
      }, transport);
      const states = new Set<string>();
      headway.connection.subscribe(() => states.add(headway.connection.getSnapshot().state));
      const watch = headway.watchJob("j");
      await until(watch, ({ job }) => job !== undefined);
      // Until the first token has ended nobody can tell whether it was replaced.
      const ended = admin.jobs.create({ kind: "import", id: "clock", expires_after_ms: 4_000 });
      await until(admin.watchJob((await ended).id), (snapshot) => snapshot.ended);
      await admin.jobs.report("j", { type: "complete" });
      await until(watch, (snapshot) => snapshot.ended);
      assert.equal(shown.length, 2);
      assert.ok(!states.has("signed_out"));
    });
  }

  test("a WebSocket is renewed in place", async (t) => {
    const { admin, token, client } = await scene(t);
    const made: string[] = [];
    const headway = client(async () => {
      // It is asked again after 18 s to 24 s: whoever is slow has 6 s to take the next one.
      made.push((await token(made.length === 0 ? 30_000 : 600_000)).token);
      return made.at(-1) ?? null;
    }, "websocket");
    const states: string[] = [];
    headway.connection.subscribe(() => states.push(headway.connection.getSnapshot().state));
    const watch = headway.watchJob("j");
    await until(watch, ({ job }) => job !== undefined);
    await admin.jobs.create({ kind: "import", id: "clock", expires_after_ms: 32_000 });
    await until(admin.watchJob("clock"), (snapshot) => snapshot.ended);
    await admin.jobs.report("j", { type: "complete" });
    await until(watch, (snapshot) => snapshot.ended);
    assert.equal(made.length, 2);
    assert.deepEqual([...new Set(states)], ["connecting", "live"], "the connection was never lost");
    assert.equal(states.length, 2);
  });

  test("a key that no subprotocol can carry signs a WebSocket in all the same", async (t) => {
    const { client } = await scene(t);
    const headway = client(() => ADMIN_KEY, "websocket");
    const { connection } = await until(headway.watchJob("j"), ({ job }) => job !== undefined);
    assert.deepEqual(connection, { state: "live", transport: "websocket", tab: "alone" });
  });

  test("requests show the token too, replace it once, and say why they are refused", async (t) => {
    const { admin, token, client } = await scene(t);
    const first = await token();
    let held = first.token;
    const headway = client(() => held);
    const identity = await headway.identity.get();
    assert.equal(identity.sees, "listed");
    assert.equal(identity.owner.subject, "maya");
    await assert.rejects(headway.jobs.cancel("j"), (error: unknown) => error instanceof HeadwayError && error.code === "forbidden");
    await admin.tokens.revoke({ token: first.id });
    await assert.rejects(headway.jobs.get("j"), (error: unknown) => {
      assert.ok(error instanceof HeadwayError);
      assert.equal(error.status, 401);
      assert.equal(error.problem?.code, "unauthenticated");
      return !error.retryable;
    });
    held = (await token()).token;
    assert.equal((await headway.jobs.get("j")).id, "j");
  });

  test("nobody signed in is a state as well", async (t) => {
    const { client } = await scene(t);
    const headway = client(() => null);
    headway.watchJob("j");
    const state = await until(headway.connection, ({ state: now }) => now === "signed_out");
    assert.deepEqual(state, { state: "signed_out", reason: "no_token", tab: "alone" });
  });
});
