// <headway-progress> over a connection that the test plays. How it looks is seen in a browser.

import "../support/dom.ts";

import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";
import type { JobSnapshot } from "@headway/client";

import "../../src/element.ts";
import { job } from "../../gallery/documents.ts";
import { faults } from "../support/accessibility.ts";
import { PlayedServer, settled, snapshot, update } from "../support/clients.ts";
import { test } from "../../../../testing/test.ts";

let server: PlayedServer;

beforeEach(() => {
  server = new PlayedServer();
});

afterEach(() => {
  document.body.replaceChildren();
  server.headway.close();
});

function put(attributes: Readonly<Record<string, string>>): HTMLElementTagNameMap["headway-progress"] {
  const element = document.createElement("headway-progress");
  element.headway = server.headway;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  document.body.append(element);
  return element;
}

function bar(element: HTMLElement): Element {
  return element.shadowRoot?.querySelector("[role=progressbar]") ?? assert.fail("it has no bar");
}

test("shows how far a job is, and each change", async () => {
  const element = put({ job: "a", label: "Import", text: "" });
  const heard: (number | null | undefined)[] = [];
  element.addEventListener("headway-change", (event: CustomEvent<JobSnapshot>) => heard.push(event.detail.job?.progress?.percent));
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.equal(bar(element).getAttribute("aria-label"), "Import");
  assert.equal(bar(element).getAttribute("aria-valuenow"), "42");
  assert.match(element.shadowRoot?.textContent ?? "", /Importabout 45 sec left, 40 sec to 2 min42%/);
  await server.says(update("a", 2, { progress: { percent: 80 } }));
  assert.equal(bar(element).querySelector("rect")?.getAttribute("width"), "80%");
  assert.deepEqual(heard, [42.5, 80]);
});

test("a job that is not there is said", async () => {
  const element = put({ job: "a b" });
  await settled();
  assert.match(element.shadowRoot?.querySelector("[part=notice]")?.textContent ?? "", /There is no such job/);
});

test("one that moves on its page asks for nothing again; one that is taken out lets go", async () => {
  const element = put({ job: "a" });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  const place = document.createElement("section");
  document.body.append(place);
  place.append(element);
  await settled();
  assert.deepEqual(server.asked(), ["subscribe a"]);
  element.remove();
  await settled();
  assert.deepEqual(server.asked(), ["subscribe a", "unsubscribe"]);
  assert.equal(bar(element).getAttribute("aria-valuenow"), "42", "what was last seen stays");
});

test("another job is another bar", async () => {
  const element = put({ job: "a" });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  element.setAttribute("job", "b");
  await settled();
  assert.equal(bar(element).getAttribute("aria-valuenow"), null);
  await server.says(snapshot(job({ id: "b", progress: { percent: 7 } })));
  assert.equal(bar(element).getAttribute("aria-valuenow"), "7");
});

test("axe finds nothing", async () => {
  const element = put({ job: "a", text: "" });
  await server.connect();
  await server.says(snapshot(job({ id: "a" })));
  assert.deepEqual(await faults(element), []);
});
