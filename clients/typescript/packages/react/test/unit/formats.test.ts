// What numbers and times are in words.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { formatAmount, formatCount, formatDuration, formatEta, formatPercent, formatRate, formatTime } from "../../src/index.ts";
import { test } from "../../../../testing/test.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

function table(cases: readonly (readonly [string, string])[]): void {
  for (const [said, expected] of cases) assert.equal(said, expected);
}

describe("in English", () => {
  test("durations", () => {
    table([
      [formatDuration(0), "0ms"],
      [formatDuration(450), "450ms"],
      [formatDuration(-5), "0ms"],
      [formatDuration(4_250), "4.2s"],
      [formatDuration(59_960), "59s"],
      [formatDuration(MINUTE), "1m 00s"],
      [formatDuration(MINUTE, { round: true }), "1m"],
      [formatDuration(125 * SECOND), "2m 05s"],
      [formatDuration(72 * MINUTE), "1h 12m"],
      [formatDuration(76 * HOUR), "3d 04h"],
    ]);
  });

  test("what is left, no more exact than it can be known", () => {
    table([
      [formatEta({ ms: 2 * MINUTE, lowMs: MINUTE, highMs: 3 * MINUTE }), "about 2 min left, 1 to 3 min"],
      [formatEta({ ms: 47 * SECOND, lowMs: 41 * SECOND, highMs: 95 * SECOND }), "about 45 sec left, 40 sec to 2 min"],
      [formatEta({ ms: 2 * MINUTE, lowMs: 119 * SECOND, highMs: 121 * SECOND }), "about 2 min left"],
      [formatEta({ ms: 2 * MINUTE, lowMs: undefined, highMs: undefined }), "about 2 min left"],
      [formatEta({ ms: 150 * MINUTE, lowMs: undefined, highMs: undefined }), "about 2.5 hr left"],
      [formatEta({ ms: 400, lowMs: 0, highMs: 900 }), "almost done"],
    ]);
  });

  test("amounts, from decimal strings", () => {
    table([
      [formatAmount("6.21", "USD"), "$6.21"],
      [formatAmount("1234.5", "USD"), "$1,234.50"],
      [formatAmount("0.0042", "USD"), "$0.0042"],
      [formatAmount("0.000000012", "USD"), "$0.000000012"],
      [formatAmount("0", "EUR"), "€0.00"],
      [formatAmount("3.5", "CREDITS"), "3.50 CREDITS"],
    ]);
  });

  test("counts, shares and rates", () => {
    table([
      [formatCount(1_234_567), "1,234,567"],
      [formatCount(1_234_567, { short: true }), "1.2M"],
      [formatPercent(42.9), "42%"],
      [formatPercent(29), "29%"],
      [formatPercent(99.97), "99%"],
      [formatPercent(99.97, { digits: 1 }), "99.9%"],
      [formatRate(12.34), "12.3/s"],
      [formatRate(234.5), "235/s"],
      [formatRate(0.07), "4.2/min"],
      [formatRate(0.001), "3.6/h"],
      [formatRate(0), "0/s"],
    ]);
  });

  test("times, in the zone that is asked for", () => {
    const at = "2026-11-21T14:05:09Z";
    table([
      [formatTime(at, { timeZone: "UTC" }), "Nov 21, 14:05:09"],
      [formatTime(at, { timeZone: "Asia/Tokyo", show: "time" }), "23:05:09"],
      [formatTime("2026-11-21T00:05:09Z", { timeZone: "UTC", show: "time" }), "00:05:09"],
      [formatTime("soon"), "soon"],
    ]);
  });
});

test("in another language", () => {
  table([
    [formatCount(1_234.5, { locale: "de" }), "1.234,5"],
    [formatAmount("1234.5", "EUR", { locale: "de" }), "1.234,50\u00a0€"],
    [formatTime("2026-11-21T14:05:09Z", { locale: "de", timeZone: "UTC" }), "21. Nov., 14:05:09"],
  ]);
});
