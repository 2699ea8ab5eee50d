// On a server, and while a page takes over what a server has rendered.

import "../support/console.ts";

import assert from "node:assert/strict";
import { StrictMode, type ReactNode } from "react";
import { renderToString } from "react-dom/server";

import { AgentTimeline, BatchProgress, ConnectionStatus, CostMeter, HeadwayProvider, JobCard, JobLog, useJob, useJobs } from "../../src/index.ts";
import { BATCHES, COSTS, EVENTS, JOBS, STEPS } from "../../gallery/documents.ts";
import { test } from "../../../../testing/test.ts";

const unanswered = (): Promise<Response> => new Promise(() => undefined);

function Watching(): ReactNode {
  const { job } = useJob("a");
  const { jobs } = useJobs({ all: true });
  return <p>{`${job?.id ?? "none"} of ${jobs.length}`}</p>;
}

function Page(): ReactNode {
  return (
    <HeadwayProvider url="http://127.0.0.1:1" WebSocket={null} transports={["poll"]} fetch={unanswered}>
      <Watching />
      <JobCard id="a" />
      <JobCard job={JOBS.running} />
      <BatchProgress job={BATCHES.running} />
      <AgentTimeline steps={STEPS} />
      <CostMeter cost={COSTS.whole} />
      <JobLog events={EVENTS} />
      <ConnectionStatus />
    </HeadwayProvider>
  );
}

test("a server renders everything, asks nobody, and writes no style that a security policy would refuse", () => {
  assert.equal(typeof window, "undefined");
  const html = renderToString(<Page />);
  assert.match(html, /none of 0/);
  assert.match(html, /Scoring lead 425/);
  assert.doesNotMatch(html, /style=/);
});

test("without `url` there is no page to take it from, and nothing throws", () => {
  assert.match(renderToString(<HeadwayProvider><Watching /></HeadwayProvider>), /none of 0/);
});

test("a page takes it over without a difference", async () => {
  const html = renderToString(<StrictMode><Page /></StrictMode>);
  await import("../support/dom.ts");
  const { hydrateRoot } = await import("react-dom/client");
  const { act } = await import("@testing-library/react");
  const root = document.createElement("div");
  root.innerHTML = html;
  document.body.append(root);
  const errors: unknown[] = [];
  const hydrated = await act(async () => {
    const hydrating = hydrateRoot(root, <StrictMode><Page /></StrictMode>, { onRecoverableError: (error) => errors.push(error) });
    await new Promise(setImmediate);
    return hydrating;
  });
  assert.deepEqual(errors, []);
  assert.match(root.textContent, /none of 0/);
  assert.match(root.textContent, /Connecting/, "its effects have run");
  act(() => {
    hydrated.unmount();
  });
});
