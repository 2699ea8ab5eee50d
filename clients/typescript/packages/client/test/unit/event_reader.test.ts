// Events are read however they are cut.

import assert from "node:assert/strict";

import fc from "fast-check";

import { EventReader } from "../../src/transport/event_reader.ts";
import { test } from "../../../../testing/test.ts";

const STREAM =
  'retry: 1000\n\nevent: update\nid: 1\ndata: {"a":1}\n\n: heartbeat\r\n\r\ndata:x\r\rdata: a\ndata: b\n\ndata:\n\ndata:  two\n\ndata: unfinished\n';
const EVENTS = ['{"a":1}', "x", "a\nb", "", " two"];

test("reads events however they are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 20 }), (cuts) => {
      const reader = new EventReader();
      const places = [0, ...cuts.sort((one, other) => one - other), STREAM.length];
      const pieces = places.slice(1).map((end, place) => STREAM.slice(places[place], end));
      assert.deepEqual(pieces.flatMap((piece) => reader.push(piece)), EVENTS);
    }),
  );
});

test("an endless event is refused", () => {
  const reader = new EventReader();
  const piece = "x".repeat(1024 * 1024);
  const read = Array.from({ length: 5 }, () => reader.push(piece));
  assert.deepEqual(read, [[], [], [], [], undefined]);
});
