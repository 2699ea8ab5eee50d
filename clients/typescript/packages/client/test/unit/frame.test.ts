// Frames of the corpus are read, and what is not known is passed over.

import assert from "node:assert/strict";

import { readFrame } from "../../src/protocol/frame.ts";
import { corpus } from "../support/corpus.ts";
import { test } from "../../../../testing/test.ts";

interface Entry {
  readonly about: string;
  readonly frame: { readonly type: string };
  readonly unknown?: boolean;
}

for (const { about, frame, unknown } of corpus("server.json") as Entry[]) {
  test(`reads ${about}`, () => {
    const read = readFrame(frame);
    if (unknown === true) assert.deepEqual(read, { type: "unknown" });
    else assert.equal(read, frame);
  });
}

test("what lacks a member that it needs is no frame", () => {
  for (const message of [null, 1, "x", [], {}, { type: 1 }, { type: "end", job: "a" }, { type: "snapshot", job: "a", cursor: "c", state: null }]) {
    assert.equal(readFrame(message), undefined, JSON.stringify(message));
  }
});
