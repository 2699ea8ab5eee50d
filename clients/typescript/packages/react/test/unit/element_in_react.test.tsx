// <headway-progress> inside React: what it takes is known to the compiler, and comes to the element.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach } from "node:test";
import { act, cleanup, render } from "@testing-library/react";

import "../../src/element.ts";
import { job } from "../../gallery/documents.ts";
import type { HeadwayProgressAttributes } from "../../src/index.ts";
import { PlayedServer, settled, snapshot } from "../support/clients.ts";
import { test } from "../../../../testing/test.ts";

afterEach(cleanup);

test("its attributes, properties and event are written as those of any element", async () => {
  const server = new PlayedServer();
  const heard: (string | undefined)[] = [];
  const said: HeadwayProgressAttributes = { job: "a", label: "Import", text: true };
  const { container } = render(
    <headway-progress {...said} className="mine" headway={server.headway} words={{ progress: "How far" }} onheadway-change={({ detail }) => heard.push(detail.job?.id)} />,
  );
  const element = container.querySelector("headway-progress");
  assert.equal(element?.getAttribute("class"), "mine");
  await settled();
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.match(element.shadowRoot?.textContent ?? "", /Import.*42%/);
  assert.deepEqual(heard, ["a"]);
  act(() => {
    server.headway.close();
  });
});

test("what it does not take is refused by the compiler", () => {
  // @ts-expect-error: a job has a name or none
  const wrong = <headway-progress job={7} />;
  // @ts-expect-error: there is no such attribute
  const unknown = <headway-progress jobb="a" />;
  assert.deepEqual([wrong.type, unknown.type], ["headway-progress", "headway-progress"]);
});
