// Parts of a page that are hidden and shown again, which React can do from 19.2 on.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock } from "node:test";
import { Activity, type ReactNode } from "react";
import { act, cleanup, render, renderHook } from "@testing-library/react";

import { HeadwayProvider, useJob, useJobs } from "../../src/index.ts";
import { job } from "../../gallery/documents.ts";
import { PlayedServer, settled, snapshot } from "../support/clients.ts";
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

const inside = {
  wrapper: ({ children }: { readonly children: ReactNode }): ReactNode => <HeadwayProvider client={server.headway}>{children}</HeadwayProvider>,
};

test("a part that is hidden lets go, and shows what it knew when it is back", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const Message = (): ReactNode => useJob("a", { select: ({ job: known }) => known?.message ?? "nothing" });
  const page = (mode: "visible" | "hidden"): ReactNode => (
    <Activity mode={mode}>
      <p><Message /></p>
    </Activity>
  );
  const { container, rerender } = render(page("visible"), inside);
  await server.connect();
  await server.says(snapshot(job({ id: "a", message: "one" })));
  rerender(page("hidden"));
  mock.timers.tick(1_000);
  await settled();
  assert.deepEqual(server.asked(), ["subscribe a", "unsubscribe"]);
  rerender(page("visible"));
  assert.equal(container.textContent, "one");
  await settled();
  await server.says(snapshot(job({ id: "a", message: "two" }), 9));
  assert.equal(container.textContent, "two");
});

test("a list that is hidden and shown again is not empty before the server answers", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const List = (): ReactNode => useJobs({ tag: "x" }).jobs.map(({ id }) => id).join();
  const page = (mode: "visible" | "hidden"): ReactNode => (
    <Activity mode={mode}>
      <p><List /></p>
    </Activity>
  );
  // The connection lives on for another watch.
  const other = renderHook(() => useJob("b"), inside);
  const { container, rerender } = render(page("visible"), inside);
  await server.connect();
  await server.says(snapshot(job({ id: "b" })), snapshot(job({ id: "a", tags: ["x"] })));
  const hide = async (): Promise<void> => {
    rerender(page("hidden"));
    mock.timers.tick(1_000);
    await settled();
    rerender(page("visible"));
    await settled();
  };
  await hide();
  assert.equal(container.textContent, "a", "what was known stays");
  await server.says(snapshot(job({ id: "c", tags: ["x"] }), 9));
  assert.equal(container.textContent, "c", "what comes is shown");
  await hide();
  assert.equal(container.textContent, "c");
  act(() => {
    mock.timers.tick(2_000);
  });
  assert.equal(container.textContent, "", "nothing came: there is nothing");
  other.unmount();
});
