// What components say on a machine whose clock is wrong.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { mock } from "node:test";
import { Headway } from "@headway/client";
import { act, cleanup, render } from "@testing-library/react";

import { job } from "../../gallery/documents.ts";
import { AgentTimeline, HeadwayProvider, JobCard } from "../../src/index.ts";
import { settled } from "../support/clients.ts";
import { test } from "../../../../testing/test.ts";

const NOW = Date.parse("2026-11-22T12:00:00.000Z");
const HOUR_MS = 3_600_000;
const BEGUN = new Date(NOW - 90_000).toISOString();

for (const [clock, aheadMs] of [["two hours ahead", 2 * HOUR_MS], ["right", 0], ["two hours behind", -2 * HOUR_MS]] as const) {
  test(`with a clock that is ${clock}, what runs has run as long as it has`, async (t) => {
    mock.timers.enable({ apis: ["setInterval", "Date"], now: NOW + aheadMs });
    t.after(() => {
      cleanup();
      mock.timers.reset();
      headway.close();
    });
    const asked: string[] = [];
    const headway = new Headway({
      url: "http://127.0.0.1:1",
      shared: false,
      fetch: (input, { method }) => {
        asked.push(`${method ?? "GET"} ${new URL(input).pathname}`);
        return Promise.resolve(new Response(null, { headers: { date: new Date(NOW).toUTCString() } }));
      },
    });
    const { container } = render(
      <HeadwayProvider client={headway} timeZone="UTC">
        <JobCard job={job({ id: "a", started_at: BEGUN })} />
        <JobCard job={job({ id: "b", started_at: BEGUN })} />
        <AgentTimeline steps={{ plan: { index: 0, name: "Plan", role: "agent", status: "running", started_at: BEGUN, weight: 1 } }} />
      </HeadwayProvider>,
    );
    await settled();
    act(() => {
      mock.timers.tick(1_000);
    });
    assert.match(container.querySelector(".headway-card")?.textContent ?? "", /1m 3[01]s/);
    assert.match(container.querySelector('[data-status="running"] .headway-step-took')?.textContent ?? "", /1m 3[01]s/);
    assert.deepEqual(asked, ["HEAD /api/v1/openapi.json"], "asked once by all");
  });
}
