import assert from "node:assert/strict";
import { test } from "node:test";

import { hrefTo, hrefToJob, readPlace, type Route } from "../../src/shell/route.ts";

const ROUTES: readonly (readonly [string, Route])[] = [
  ["#/jobs", { name: "jobs" }],
  ["#/jobs/import-7", { name: "job", id: "import-7" }],
  ["#/jobs/a%2Fb%20c", { name: "job", id: "a/b c" }],
  ["#/batches/bat_1", { name: "batch", id: "bat_1" }],
  ["#/batches/new", { name: "new_batch" }],
  ["#/node", { name: "node" }],
  ["#/sign-in", { name: "sign_in" }],
];

test("each place has an address, and each address leads to its place", () => {
  for (const [href, route] of ROUTES) {
    assert.equal(hrefTo(route), href);
    assert.deepEqual(readPlace(href), { route, query: {} });
  }
});

test("filters stand in the query, in one order, and empty ones not at all", () => {
  const href = hrefTo({ name: "jobs" }, { text: "a b&c", status: "active", kind: "" });
  assert.equal(href, "#/jobs?status=active&text=a+b%26c");
  assert.deepEqual(readPlace(href).query, { status: "active", text: "a b&c" });
  assert.deepEqual(readPlace("#/jobs?tag=&kind=sync").query, { kind: "sync" });
});

test("addresses of older pages lead to the list", () => {
  assert.deepEqual(readPlace("#/"), { route: { name: "jobs" }, query: {} });
  assert.deepEqual(readPlace(""), { route: { name: "jobs" }, query: {} });
  assert.deepEqual(readPlace("#/active"), { route: { name: "jobs" }, query: { status: "active" } });
  assert.deepEqual(readPlace("#/ended"), { route: { name: "jobs" }, query: { status: "ended" } });
});

test("what is no address is unknown, and never throws", () => {
  for (const fragment of ["#/jobs/a/b", "#/nothing", "#/node/more"]) assert.equal(readPlace(fragment).route.name, "unknown");
  assert.deepEqual(readPlace("#/jobs/%zz").route, { name: "job", id: "%zz" });
});

test("a batch is looked at on its own page", () => {
  assert.equal(hrefToJob({ id: "bat_1", items: { total: 3 } }), "#/batches/bat_1");
  assert.equal(hrefToJob({ id: "job_1", items: undefined }), "#/jobs/job_1");
});
