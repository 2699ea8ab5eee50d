// Counters: read from what the program really answers, and from what the format allows beside that.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe } from "node:test";

import { Metrics } from "../../src/index.ts";
import { test } from "../../../../testing/test.ts";

/** An answer of the program, shortened. From build/test/unit. */
const ANSWER = readFileSync(new URL("../../../../../test/data/metrics.txt", import.meta.url), "utf8");

const bucket = (le: string, count: number): string => `h_seconds_bucket{le="${le}"} ${count}`;
const histogram = (...lines: string[]): Metrics => Metrics.parse(["# TYPE h_seconds histogram", ...lines, "# EOF"].join("\n"));

describe("an answer of the program", () => {
  const metrics = Metrics.parse(ANSWER);

  test("has its families with their types and words", () => {
    const family = metrics.families.get("headway_http_requests");
    assert.deepEqual([family?.type, family?.help, family?.samples.length], ["counter", "Answered requests.", 3]);
    assert.equal(metrics.families.get("headway_append_seconds")?.type, "histogram");
    assert.ok(!metrics.families.has("headway_append_seconds_bucket"));
  });

  test("has its values, added up over the labels that are not asked for", () => {
    assert.equal(metrics.value("headway_http_requests"), 3);
    assert.equal(metrics.value("headway_http_requests", { route: "/readyz" }), 1);
    assert.equal(metrics.value("headway_http_requests", { route: "/nowhere" }), undefined);
    assert.equal(metrics.value("headway_subscriptions"), 0);
    assert.equal(metrics.value("headway_nothing"), undefined);
    assert.equal(metrics.count("headway_append_seconds"), 2);
  });

  test("has its quantiles", () => {
    assert.equal(metrics.quantile("headway_append_seconds", 0.5), 0.0016);
    const high = metrics.quantile("headway_append_seconds", 0.99);
    assert.ok(high !== undefined && high > 0.0016 && high <= 0.0032);
    assert.equal(metrics.quantile("headway_delivery_seconds", 0.5), undefined, "it holds nothing");
  });
});

describe("quantiles", () => {
  const CASES: readonly [name: string, lines: readonly string[], share: number, result: number | undefined][] = [
    ["in the first bucket", [bucket("1", 10), bucket("2", 10), bucket("+Inf", 10)], 0.5, 0.5],
    ["between two bounds", [bucket("1", 10), bucket("2", 20), bucket("+Inf", 20)], 0.75, 1.5],
    ["across an empty bucket", [bucket("1", 10), bucket("2", 10), bucket("4", 20), bucket("+Inf", 20)], 0.75, 3],
    ["at a bound", [bucket("1", 10), bucket("2", 20), bucket("+Inf", 20)], 0.5, 1],
    ["above the last bound", [bucket("1", 1), bucket("2", 1), bucket("+Inf", 10)], 0.99, 2],
    ["the last bound as the largest number", [bucket("1", 1), bucket("1.7976931348623157e308", 10)], 0.99, 1],
    ["bounds in any order", [bucket("+Inf", 20), bucket("2", 20), bucket("1", 10)], 0.75, 1.5],
    ["none", [], 0.5, undefined],
    ["a share that is none", [bucket("1", 10), bucket("+Inf", 10)], 1.5, undefined],
  ];
  for (const [name, lines, share, result] of CASES) {
    test(name, () => {
      assert.equal(histogram(...lines).quantile("h_seconds", share), result);
    });
  }

  test("since an earlier reading, and from zero when the node was started again", () => {
    const before = histogram(bucket("1", 100), bucket("2", 100), bucket("+Inf", 100));
    const after = histogram(bucket("1", 100), bucket("2", 120), bucket("+Inf", 120));
    assert.equal(after.quantile("h_seconds", 0.5, { since: before }), 1.5);
    const restarted = histogram(bucket("1", 4), bucket("2", 4), bucket("+Inf", 4));
    assert.equal(restarted.quantile("h_seconds", 0.5, { since: before }), 0.5);
  });

  test("over samples of different labels", () => {
    const metrics = histogram('h_seconds_bucket{le="1",way="a"} 10', 'h_seconds_bucket{le="+Inf",way="a"} 10', 'h_seconds_bucket{le="1",way="b"} 0', 'h_seconds_bucket{le="2",way="b"} 10', 'h_seconds_bucket{le="+Inf",way="b"} 10');
    assert.equal(metrics.quantile("h_seconds", 0.5, { labels: { way: "b" } }), 1.5);
  });
});

test("what the format allows: escapes, signs in labels, timestamps, exemplars, old names; other lines are passed over", () => {
  const metrics = Metrics.parse([
    "# HELP a_total Lines\\nof two.",
    "# TYPE a_total counter",
    'a_total{path="C:\\\\x}\\"y\\"",note="1\\n2"} 3 1700000000000',
    "# TYPE b histogram",
    'b_bucket{le="+Inf"} 4 # {trace="t"} 0.5',
    "c NaN",
    "d +Inf",
    "not a line at all {",
    "e",
    "# EOF",
  ].join("\r\n"));
  assert.deepEqual(metrics.families.get("a_total")?.samples[0], { name: "a_total", labels: { path: 'C:\\x}"y"', note: "1\n2" }, value: 3 });
  assert.equal(metrics.families.get("a_total")?.help, "Lines\nof two.");
  assert.equal(metrics.value("a_total"), 3);
  assert.equal(metrics.families.get("b")?.samples[0]?.value, 4);
  assert.equal(metrics.value("d"), Infinity);
  assert.ok(Number.isNaN(metrics.value("c")));
  assert.deepEqual([...metrics.families.keys()], ["a_total", "b", "c", "d"]);
});
