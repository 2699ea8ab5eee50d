import assert from "node:assert/strict";
import { test } from "node:test";

import { batchOptions, EMPTY_DRAFT, executorOf, placeOf, type Draft } from "../../src/batches/new/draft.ts";

const draft = (changes: Partial<Draft>): Draft => ({ ...EMPTY_DRAFT, kind: "score", ...changes });

test("what was left empty is not said, so that the kind's settings stand", () => {
  assert.deepEqual(batchOptions(draft({})).options, { kind: "score", on_failure: "continue" });
});

test("everything that was filled in is said in the protocol's words", () => {
  const { options } = batchOptions(draft({
    name: " Nightly ", session: "s-1", tags: "a, b,,", concurrency: "8", rateCount: "30", ratePer: "minute", maxAttempts: "3",
    timeoutSeconds: "1.5", maxBudget: "25.00", softBudget: "10", onBudget: "cancel", onFailure: "stop", start: false,
  }));
  assert.deepEqual(options, {
    kind: "score", name: "Nightly", session: "s-1", tags: ["a", "b"], concurrency: 8, rate: { count: 30, per_ms: 60_000 },
    retry: { max_attempts: 3 }, timeout_ms: 1_500, budget: { max_budget: "25.00", on_budget: "cancel", soft_budget: "10" },
    on_failure: "stop", start: false,
  });
});

test("each wrong value is told where it stands", () => {
  for (const [changes, place] of [
    [{ kind: "" }, "kind"],
    [{ concurrency: "0" }, "concurrency"],
    [{ concurrency: "10001" }, "concurrency"],
    [{ concurrency: "1.5" }, "concurrency"],
    [{ rateCount: "-1" }, "rate"],
    [{ maxAttempts: "101" }, "retry"],
    [{ timeoutSeconds: "0" }, "timeout_ms"],
    [{ timeoutSeconds: "soon" }, "timeout_ms"],
    [{ maxBudget: "1e3" }, "budget.max_budget"],
    [{ maxBudget: "-5" }, "budget.max_budget"],
    [{ softBudget: "5" }, "budget.max_budget"],
    [{ maxBudget: "5", softBudget: "6" }, "budget.soft_budget"],
    [{ tags: "x".repeat(129) }, "tags"],
    [{ runBy: "executor", executor: "" }, "executor"],
  ] as const) {
    const { complaints } = batchOptions(draft(changes));
    assert.deepEqual(Object.keys(complaints ?? {}), [place], JSON.stringify(changes));
  }
});

test("an executor is an object of a known type with what it needs", () => {
  for (const [text, expected] of [
    ["{", /not JSON/u], ["[]", /an object/u], ['{"type":"ssh"}', /"http" or "command"/u],
    ['{"type":"http"}', /"url"/u], ['{"type":"http","url":"ftp://x"}', /"url"/u], ['{"type":"command","argv":[]}', /"argv"/u],
  ] as const) {
    const found = executorOf(text);
    assert.match(typeof found === "string" ? found : "", expected, text);
  }
  assert.deepEqual(executorOf('{"type":"http","url":"https://a.example"}'), { type: "http", url: "https://a.example" });
  const { options } = batchOptions(draft({ runBy: "executor", executor: '{"type":"command","argv":["cat"]}' }));
  assert.deepEqual(options, { executor: { type: "command", argv: ["cat"] }, on_failure: "continue" });
});

test("a refusal of the server finds its place in the form", () => {
  for (const [field, place] of [
    ["kind", "kind"], ["executor.url", "executor"], ["retry.max_attempts", "retry"], ["budget.max_budget", "budget.max_budget"],
    ["budget", "budget.max_budget"], ["options.rate", "rate"], ["tags[3]", "tags"], ["file", "file"], ["webhook.url", undefined], [null, undefined],
  ] as const) {
    assert.equal(placeOf(field), place, String(field));
  }
});
