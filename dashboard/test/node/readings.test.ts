import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "@headway/client";

import { byTransport, KEPT, limitsHit, Readings } from "../../src/node/readings.ts";

const at = (events: number, seconds: readonly [number, number, number] = [0, 0, 0]): Metrics => Metrics.parse(`
# TYPE headway_events counter
headway_events_total ${events}
# TYPE headway_connections gauge
headway_connections{transport="websocket"} 3
headway_connections{transport="poll"} 1
# TYPE headway_append_seconds histogram
headway_append_seconds_bucket{le="0.001"} ${seconds[0]}
headway_append_seconds_bucket{le="0.01"} ${seconds[1]}
headway_append_seconds_bucket{le="+Inf"} ${seconds[2]}
headway_append_seconds_count ${seconds[2]}
# TYPE headway_limits counter
headway_limits_total{limit="jobs"} 2
headway_limits_total{limit="jobs"} 3
headway_limits_total{limit="connections"} 9
headway_limits_total{limit="idle"} 0
# EOF`);

test("a rate is what a counter has grown by", () => {
  const readings = new Readings();
  readings.add(at(100), 1000);
  readings.add(at(150), 3000);
  assert.deepEqual(readings.all.map(({ reports }) => reports), [undefined, 25]);
  assert.equal(readings.all[1]?.connections, 4);
});

test("a node that was started again has no rate until it is read twice", () => {
  const readings = new Readings();
  for (const [events, moment] of [[100, 1000], [4, 3000], [10, 5000]] as const) readings.add(at(events), moment);
  assert.deepEqual(readings.all.map(({ reports }) => reports), [undefined, undefined, 3]);
});

test("latencies are of what was measured since the reading before", () => {
  const readings = new Readings();
  readings.add(at(0, [1000, 1000, 1000]), 1000);
  readings.add(at(0, [1000, 1010, 1010]), 3000);
  const { half = 0 } = readings.all[1]?.latencies.appends ?? {};
  assert.ok(half > 0.001 && half <= 0.01, String(half));
});

test("only so many readings are kept", () => {
  const readings = new Readings();
  for (let read = 0; read < KEPT + 20; read += 1) readings.add(at(read), read * 1000);
  assert.equal(readings.all.length, KEPT);
  assert.equal(readings.all[0]?.at, 20_000);
});

test("limits that refused something are told, the most frequent first", () => {
  assert.deepEqual(limitsHit(at(0)), [{ limit: "connections", times: 9 }, { limit: "jobs", times: 5 }]);
  assert.deepEqual(byTransport(at(0)), [{ transport: "websocket", connections: 3 }, { transport: "poll", connections: 1 }]);
});
