// Hooks and live components against the real program.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach, type TestContext } from "node:test";
import type { ReactNode } from "react";
import { act, cleanup, fireEvent, render, renderHook, screen, waitFor } from "@testing-library/react";
import { Headway } from "@headway/client";
import WebSocket from "ws";

import { AgentTimeline, BatchProgress, ConnectionStatus, HeadwayProvider, JobCard, JobLog, useCommand, useJob, useJobs } from "../../src/index.ts";
import { Server } from "../../../../testing/server.ts";
import { test } from "../../../../testing/test.ts";

/** How long a state may take before the test says that it did not come. */
const PATIENCE = { timeout: 90_000 };

// A real server speaks when it will, and what comes of that is waited for: React need not expect that a test
// has caused it.
Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });

afterEach(() => {
  cleanup();
});

async function started(t: TestContext): Promise<{ readonly server: Server; readonly headway: Headway; readonly wrapper: (props: { readonly children: ReactNode }) => ReactNode }> {
  const server = await Server.start(t);
  const headway = new Headway({ ...server.admin, WebSocket });
  t.after(() => {
    headway.close();
  });
  return { server, headway, wrapper: ({ children }) => <HeadwayProvider client={headway}>{children}</HeadwayProvider> };
}

test("a job from its making to its end, through a kill -9", async (t) => {
  const { server, headway, wrapper } = await started(t);
  await headway.jobs.create({ kind: "import", id: "j", name: "Import" });
  const { result } = renderHook(() => useJob("j"), { wrapper });
  await waitFor(() => {
    assert.equal(result.current.job?.status, "pending");
  }, PATIENCE);
  await headway.jobs.report("j", [{ type: "start" }, { type: "progress", percent: 40 }]);
  await waitFor(() => {
    assert.equal(result.current.job?.progress?.percent, 40);
  }, PATIENCE);
  await act(() => server.kill());
  await waitFor(() => {
    assert.equal(result.current.connection.state, "waiting");
  }, PATIENCE);
  assert.equal(result.current.job?.progress?.percent, 40, "the last document stays");
  await server.start();
  await headway.jobs.report("j", [{ type: "complete" }]);
  await waitFor(() => {
    assert.ok(result.current.ended);
  }, PATIENCE);
  assert.equal(result.current.job.status, "completed");
});

test("a job that does not exist says so", async (t) => {
  const { wrapper } = await started(t);
  render(<JobCard id="nowhere" />, { wrapper });
  assert.ok(await screen.findByText(/There is no such job/, undefined, PATIENCE));
});

test("what is asked is done; what is refused is said, and can be forgotten", async (t) => {
  const { headway, wrapper } = await started(t);
  await headway.jobs.create({ kind: "import", id: "j" });
  const { result } = renderHook(() => useCommand("j"), { wrapper });
  await waitFor(() => {
    assert.ok(result.current.can("cancel"));
  }, PATIENCE);
  assert.equal(result.current.can("retry"), false);
  const refused = await act(() => result.current.run("retry"));
  assert.equal(refused, undefined);
  assert.equal(result.current.error?.code, "wrong_status");
  act(() => {
    result.current.reset();
  });
  assert.equal(result.current.error, undefined);
  const [cancelled, second] = await act(() => Promise.all([result.current.run("cancel"), result.current.run("cancel")]));
  assert.equal(cancelled?.status, "cancelled");
  assert.equal(second, undefined, "one at a time");
  await waitFor(() => {
    assert.ok(result.current.can("retry"));
  }, PATIENCE);
});

test("a card commands its job", async (t) => {
  const { headway, wrapper } = await started(t);
  await headway.jobs.create({ kind: "import", id: "j", name: "Import" });
  render(<JobCard id="j" actions={["cancel", "retry"]} />, { wrapper });
  fireEvent.click(await screen.findByRole("button", { name: "Cancel: Import" }, PATIENCE));
  assert.ok(await screen.findByRole("button", { name: "Retry: Import" }, PATIENCE));
  assert.equal((await headway.jobs.get("j")).status, "cancelled");
});

test("a batch is run and its parts are shown", async (t) => {
  const { headway, wrapper } = await started(t);
  const { id } = await headway.batches.create({
    name: "Three",
    executor: { type: "command", argv: ["sh", "-c", "test $HEADWAY_INDEX != 1"] },
    items: [{ input: 1 }, { input: 2 }, { input: 3 }],
    retry: { max_attempts: 1 },
  });
  const { container } = render(<BatchProgress id={id} />, { wrapper });
  await waitFor(() => {
    const parts = [...container.querySelectorAll("rect")].map((part) => [part.getAttribute("data-part"), part.getAttribute("width")]);
    assert.deepEqual(parts, [["succeeded", "66.667%"], ["failed", "33.333%"]]);
  }, PATIENCE);
  assert.ok(screen.getByText("1 failed, 33.3%"));
});

test("a session's steps, its list and a log are live", async (t) => {
  const { headway, wrapper } = await started(t);
  await headway.jobs.create({ kind: "research", id: "j", session: "s" });
  const Ids = (): ReactNode => useJobs({ session: "s" }, { select: ({ jobs }) => jobs.map(({ id }) => id).join() });
  const page = (log: ReactNode): ReactNode => (
    <>
      <p data-testid="ids"><Ids /></p>
      <AgentTimeline session="s" />
      {log}
      <ConnectionStatus />
    </>
  );
  const { rerender } = render(page(null), { wrapper });
  await waitFor(() => {
    assert.equal(screen.getByTestId("ids").textContent, "j");
  }, PATIENCE);
  // A log of a job whose state is held misses nothing after it, however late the server takes its question.
  rerender(page(<JobLog id="j" />));
  await headway.jobs.report("j", [{ type: "step_start", step: "plan", name: "Planner" }, { type: "log", message: "It begins" }]);
  assert.ok(await screen.findByRole("button", { name: /^Planner, ?Running/ }, PATIENCE));
  assert.ok(await screen.findByText("It begins", undefined, PATIENCE));
  assert.ok(screen.getByText("Live"));
});

test("a provider that is given an address makes its own client", async (t) => {
  const { server, headway } = await started(t);
  await headway.jobs.create({ kind: "import", id: "j", name: "Import" });
  render(
    <HeadwayProvider url={server.url} WebSocket={null}>
      <JobCard id="j" />
    </HeadwayProvider>,
  );
  assert.ok(await screen.findByText("Import", undefined, PATIENCE));
});
