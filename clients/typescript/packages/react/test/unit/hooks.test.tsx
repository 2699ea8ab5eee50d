// Hooks over a connection that the test plays: what renders, and what is asked of the server.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock } from "node:test";
import { StrictMode, Suspense, lazy, type ReactNode } from "react";
import { cleanup, render, renderHook } from "@testing-library/react";
import type { JobEvent, JobSnapshot } from "@headway/client";

import {
  HeadwayProvider,
  useBatch,
  useCommand,
  useConnection,
  useHeadway,
  useJob,
  useJobEvents,
  useJobs,
  useSession,
} from "../../src/index.ts";
import { BATCHES, job } from "../../gallery/documents.ts";
import { complaints } from "../support/console.ts";
import { PlayedServer, settled, snapshot, update } from "../support/clients.ts";
import { test } from "../../../../testing/test.ts";

let server: PlayedServer;

beforeEach(() => {
  server = new PlayedServer();
});

afterEach(() => {
  cleanup();
  mock.timers.reset();
  server.headway.close();
});

function Around({ children }: { readonly children: ReactNode }): ReactNode {
  return <HeadwayProvider client={server.headway}>{children}</HeadwayProvider>;
}

const inside = { wrapper: Around };

test("a job: unknown, then its document, then each change", async () => {
  const { result } = renderHook(() => useJob("a"), inside);
  const message = (): unknown => result.current.job?.message;
  assert.equal(message(), undefined);
  await server.connect();
  await server.says(snapshot(job({ id: "a", message: "one" })));
  assert.equal(message(), "one");
  assert.equal(result.current.connection.state, "live");
  await server.says(update("a", 2, { message: "two" }));
  assert.equal(message(), "two");
  assert.deepEqual(server.asked(), ["subscribe a"]);
});

test("a component that selects renders for what it selects, and for nothing else", async () => {
  let renderings = 0;
  const { result } = renderHook(
    () => {
      renderings += 1;
      return useJob("a", { select: ({ job: known }) => known?.status });
    },
    inside,
  );
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.equal(result.current, "running");
  const before = renderings;
  for (let offset = 2; offset < 30; offset += 1) await server.says(update("a", offset, { message: `${offset}` }));
  assert.equal(renderings, before);
  await server.says(update("a", 30, { status: "completed" }));
  assert.equal(result.current, "completed");
  assert.equal(renderings, before + 1);
});

test("what is selected stays the same object while `isEqual` says so", async () => {
  const selected: object[] = [];
  const isEqual = (one: { tens: number }, other: { tens: number }): boolean => one.tens === other.tens;
  const { rerender } = renderHook(
    () => {
      const select = ({ job: known }: JobSnapshot): { tens: number } => ({ tens: Math.floor((known?.progress?.percent ?? 0) / 10) });
      selected.push(useJob("a", { select, isEqual }));
    },
    inside,
  );
  await server.connect();
  await server.says(snapshot(job({ id: "a", progress: { percent: 41 } })));
  const [first] = selected.slice(-1);
  await server.says(update("a", 2, { progress: { percent: 49 } }));
  rerender();
  assert.equal(selected.at(-1), first);
  await server.says(update("a", 3, { progress: { percent: 50 } }));
  assert.notEqual(selected.at(-1), first);
});

test("options that are new objects on each rendering ask for nothing again", async () => {
  const { rerender } = renderHook(() => useJob("a", { events: ["log"], onEvent: () => undefined, minIntervalMs: 500 }), inside);
  await server.connect();
  for (let times = 0; times < 5; times += 1) rerender();
  await settled();
  assert.deepEqual(server.asked(), ["subscribe a"]);
});

test("components that watch the same share one subscription", async () => {
  const { result } = renderHook(() => [useJob("a"), useJob("a"), useJob("a", { select: ({ ended }) => ended })] as const, inside);
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.equal(result.current[0], result.current[1]);
  assert.deepEqual(server.asked(), ["subscribe a"]);
});

test("Strict Mode, which mounts everything twice, asks once", async () => {
  const { result } = renderHook(() => useJob("a", { onEvent: () => undefined }), {
    wrapper: ({ children }) => (
      <StrictMode>
        <Around>{children}</Around>
      </StrictMode>
    ),
  });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.equal(result.current.job?.id, "a");
  assert.deepEqual(server.asked(), ["subscribe a"]);
});

test("a component that is mounted again within a moment finds what it left", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const first = renderHook(() => useJob("a"), inside);
  const provided = renderHook(({ shown }: { shown: boolean }) => useJob(shown ? "b" : undefined), { ...inside, initialProps: { shown: true } });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })), snapshot(job({ id: "b" })));
  const shown = (): unknown => provided.result.current.job?.id;
  provided.rerender({ shown: false });
  assert.equal(shown(), undefined);
  mock.timers.tick(900);
  provided.rerender({ shown: true });
  assert.equal(shown(), "b", "without waiting for the server");
  mock.timers.tick(900);
  await settled();
  assert.deepEqual(server.asked(), ["subscribe a", "subscribe b"], "and nothing was asked again");
  first.unmount();
  provided.unmount();
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(server.asked().slice(2).sort(), ["unsubscribe", "unsubscribe"], "what nobody watches is let go");
});

test("a rendering that is thrown away asks for nothing", async () => {
  let open: () => void = () => undefined;
  const door = new Promise<void>((resolve) => (open = resolve));
  const Name = (): ReactNode => useJob("a").job?.id;
  const Door = lazy(async () => {
    await door;
    return { default: (): ReactNode => "!" };
  });
  const { container } = render(<Suspense fallback="waiting"><Name /><Door /></Suspense>, inside);
  await settled();
  assert.equal(container.textContent, "waiting");
  assert.equal(server.connections, 0);
  open();
  await settled();
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.equal(container.textContent, "a!");
});

test("another id is another job, and no id is none", async () => {
  const first: { readonly id: string | undefined } = { id: "a" };
  const { result, rerender } = renderHook(({ id }: typeof first) => useJob(id), { ...inside, initialProps: first });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  const shown = (): unknown => result.current.job?.id;
  rerender({ id: "b" });
  assert.equal(shown(), undefined, "the other job's document is not shown as this one's");
  await settled();
  await server.says(snapshot(job({ id: "b" })));
  assert.equal(shown(), "b");
  rerender({ id: undefined });
  assert.equal(shown(), undefined);
});

test("a job that a list brings is known at once", async () => {
  const { result, rerender } = renderHook(
    ({ id }: { id: string | undefined }) => ({ jobs: useJobs({ tag: "x" }).jobs, job: useJob(id).job }),
    { ...inside, initialProps: { id: undefined as string | undefined } },
  );
  await server.connect();
  await server.says(snapshot(job({ id: "a", tags: ["x"] })));
  assert.deepEqual(result.current.jobs.map(({ id }) => id), ["a"]);
  rerender({ id: "a" });
  assert.equal(result.current.job?.id, "a", "before the server has answered");
});

test("an event comes once to the newest callback", async () => {
  const heard: string[] = [];
  const { rerender } = renderHook(
    ({ name }: { name: string }) =>
      useJob("a", {
        events: ["log"],
        onEvent: (event: JobEvent) => {
          if (event.type === "event") heard.push(`${name} ${String(event.event["message"])}`);
        },
      }),
    { ...inside, initialProps: { name: "first" } },
  );
  await server.connect();
  await server.says(snapshot(job({ id: "a" })), log("a", 2, "one"));
  rerender({ name: "second" });
  await server.says(log("a", 3, "two"));
  assert.deepEqual(heard, ["first one", "second two"]);
});

test("a callback that throws keeps nobody else from hearing", async (t) => {
  const heard: string[] = [];
  const broken = (): void => {
    throw new Error("the application's own");
  };
  renderHook(() => [useJob("a", { onEvent: broken }), useJob("a", { onEvent: ({ type }) => heard.push(type) })], inside);
  await server.connect();
  const thrown = new Promise((resolve) => {
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    t.after(() => {
      for (const other of others) process.on("uncaughtException", other);
    });
    process.once("uncaughtException", resolve);
  });
  await server.says(snapshot(job({ id: "a" })), log("a", 2, "one"));
  assert.match(String(await thrown), /the application's own/);
  assert.deepEqual(heard, ["event"]);
});

test("events are kept up to their limit, newest last, and what is missing is counted", async () => {
  const { result } = renderHook(() => useJobEvents("a", { types: ["log"], limit: 3 }), inside);
  await server.connect();
  await server.says(snapshot(job({ id: "a" })), ...[2, 3, 4, 5, 6, 7, 8, 9].map((offset) => log("a", offset, `${offset}`)));
  const said = (): unknown[] => result.current.events.map((event) => (event.type === "event" ? event.event["message"] : event.reason));
  assert.deepEqual(said(), ["7", "8", "9"]);
  await server.says({ type: "gap", job: "a", from: "0000000a-9", to: "0000000a-20", reason: "slow" }, log("a", 21, "21"));
  assert.deepEqual(said(), ["9", "slow", "21"]);
  assert.equal(result.current.gaps, 1);
});

test("a session's jobs give their steps as one", async () => {
  const { result } = renderHook(() => useSession("s"), inside);
  await server.connect();
  const step = { index: 0, name: "Plan", status: "running" as const, weight: 1, started_at: "2026-11-21T14:00:01.000Z" };
  await server.says(
    snapshot(job({ id: "a", session: "s", steps: { plan: step, inner: { ...step, index: 1, parent: "plan", started_at: "2026-11-21T14:00:03.000Z" } } })),
    snapshot(job({ id: "b", session: "s", steps: { plan: { ...step, started_at: "2026-11-21T14:00:02.000Z" } } })),
  );
  assert.deepEqual(Object.keys(result.current.steps), ["a/plan", "b/plan", "a/inner"]);
  assert.equal(result.current.steps["a/inner"]?.parent, "a/plan");
});

test("a batch tells how many items are settled, how fast, and how long it takes", async () => {
  const { result } = renderHook(() => useBatch(BATCHES.running.id), inside);
  await server.connect();
  await server.says(snapshot(BATCHES.running));
  const { settled: done, rate, eta, counts } = result.current;
  assert.deepEqual({ done, rate, eta, total: counts?.total }, { done: 430, rate: 12.3, eta: { ms: 46_700, lowMs: 41_000, highMs: 95_000 }, total: 1_000 });
});

test("what can be asked follows whichever watch brings the job, without one of its own", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { result, rerender } = renderHook(
    ({ shown }: { shown: boolean }) => {
      // Whoever commands may come before whoever shows.
      const command = useCommand("a");
      useJob(shown ? "a" : undefined, { minIntervalMs: 500 });
      return command;
    },
    { ...inside, initialProps: { shown: true } },
  );
  await server.connect();
  assert.equal(result.current.can("pause"), false, "nothing is known");
  await server.says(snapshot(job({ id: "a" })));
  assert.ok(result.current.can("pause"));
  await server.says(update("a", 2, { status: "paused" }));
  assert.ok(result.current.can("resume"));
  assert.deepEqual(server.asked(), ["subscribe a"]);
  // When nobody shows it any more, it is watched for the command alone.
  rerender({ shown: false });
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(server.asked().sort(), ["subscribe a", "subscribe a", "unsubscribe"]);
  await server.says(update("a", 3, { status: "failed" }));
  assert.ok(result.current.can("retry"));
  // And no longer when somebody does again.
  rerender({ shown: true });
  await settled();
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(server.asked().slice(3).sort(), ["subscribe a", "unsubscribe"]);
  await server.says(update("a", 4, { status: "completed" }));
  assert.equal(result.current.can("retry"), false);
});

test("what can be asked of a job in a list follows the list, for as long as it has the job", async () => {
  const { result, rerender } = renderHook(
    ({ id }: { id: string | undefined }) => {
      useJobs({ tag: "x" });
      return useCommand(id);
    },
    { ...inside, initialProps: { id: undefined as string | undefined } },
  );
  await server.connect();
  await server.says(snapshot(job({ id: "a", tags: ["x"] })));
  rerender({ id: "a" });
  assert.ok(result.current.can("cancel"), "at once");
  await server.says(update("a", 2, { status: "cancelled" }));
  assert.ok(result.current.can("retry"));
  assert.deepEqual(server.asked(), ["subscribe x"]);
  rerender({ id: "b" });
  await settled();
  assert.deepEqual(server.asked(), ["subscribe x", "subscribe b"], "what no list brings is watched");
});

test("the connection can be selected from", async () => {
  const { result } = renderHook(() => {
    useJob("a");
    return useConnection(({ state }) => state);
  }, inside);
  await server.connect();
  assert.equal(result.current, "live");
});

test("without a provider a hook says what is missing", () => {
  assert.throws(() => renderHook(() => useHeadway()), /HeadwayProvider/);
  // React 18 says so to whoever writes the page as well.
  complaints();
});

test("a provider makes one client, keeps it through Strict Mode and new functions, and closes it at the end", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const seen = new Set<object>();
  function Look(): ReactNode {
    seen.add(useHeadway());
    useJob("a");
    return null;
  }
  const page = (url: string): ReactNode => (
    <StrictMode>
      <HeadwayProvider url={url} token={() => null} WebSocket={null}>
        <Look />
      </HeadwayProvider>
    </StrictMode>
  );
  const { rerender, unmount } = render(page("http://127.0.0.1:1"));
  const [...made] = seen;
  rerender(page("http://127.0.0.1:1"));
  rerender(page("http://127.0.0.1:1"));
  mock.timers.tick(60_000);
  await settled();
  assert.deepEqual([...seen], made, "no rendering made another");
  rerender(page("http://127.0.0.1:2"));
  assert.ok(seen.size > made.length, "another server is another client");
  unmount();
  mock.timers.tick(60_000);
  for (const headway of seen) assert.throws(() => (headway as PlayedServer["headway"]).watchJob("b"), /closed/);
});

function log(id: string, offset: number, message: string): unknown {
  return { type: "event", job: id, cursor: `0000000a-${offset}`, event: { type: "log", at: "2026-11-21T14:00:00.000Z", level: "info", message } };
}
