import assert from "node:assert/strict";
import { test } from "node:test";
import type { Identity } from "@headway/client";

import { Person } from "../../src/shell/identity.ts";

const person = (more: Partial<Identity>): Person => new Person({
  credential: "key", owner: { tenant: "default" }, scopes: ["watch", "report", "control", "admin"], sees: "tenant", sign_in: true, ...more,
});

test("a watch token may what it names, and sees what it names", () => {
  const guest = person({ credential: "token", scopes: ["watch", "control"], sees: "listed", listed: { actions: ["cancel"], jobs: ["a"] } });
  assert.equal(guest.may("cancel"), true);
  assert.equal(guest.may("pause"), false);
  assert.equal(guest.onlyJob, "a");
  assert.equal(guest.sharesTokens, false);
  assert.deepEqual(guest.selectors, [{ job: "a" }]);
  const wider = person({ credential: "token", sees: "listed", listed: { jobs: ["a"], sessions: ["s"], tags: ["t"] } });
  assert.equal(wider.onlyJob, undefined);
  assert.deepEqual(wider.selectors, [{ job: "a" }, { session: "s" }, { tag: "t" }]);
});

test("only administrators of the tenant default look after the node", () => {
  assert.equal(person({}).operates, true);
  assert.equal(person({ owner: { tenant: "acme" } }).operates, false);
  assert.equal(person({ scopes: ["watch"] }).operates, false);
});

test("links need tokens only where somebody signs in", () => {
  assert.equal(person({}).sharesTokens, true);
  assert.equal(person({ sign_in: false }).sharesTokens, false);
  assert.equal(person({ scopes: ["report"] }).sharesTokens, false);
});
