import assert from "node:assert/strict";
import { test } from "node:test";

import { servedBuild } from "../../src/shell/build.ts";

const entry = "https://jobs.example/headway/assets/index-Old1.js";
const serves = (script: string) => () => Promise.resolve(`<!doctype html><script type="module" src="./assets/${script}"></script><div id="root"></div>`);

test("a tab knows whether the server still serves what it runs", async () => {
  assert.equal(await servedBuild({ entry, read: serves("index-Old1.js") }), "same");
  assert.equal(await servedBuild({ entry, read: serves("index-New2.js") }), "newer");
});

test("a server that does not answer, and a page that is not the dashboard, say nothing", async () => {
  assert.equal(await servedBuild({ entry, read: () => Promise.reject(new TypeError("Failed to fetch")) }), "unknown");
  assert.equal(await servedBuild({ entry, read: () => Promise.resolve("<h1>502 Bad gateway</h1>") }), "unknown");
  assert.equal(await servedBuild({ entry: undefined, read: serves("index-New2.js") }), "unknown");
});
