// Merge patches: the examples of RFC 7396, and what holds for all documents.

import assert from "node:assert/strict";
import { describe } from "node:test";

import fc from "fast-check";

import { isObject, own, share, type Json, type JsonObject } from "../../src/document/json.ts";
import { merge } from "../../src/document/merge.ts";
import { test } from "../../../../testing/test.ts";

/** Appendix A of the RFC. */
const EXAMPLES: readonly (readonly [document: Json, patch: Json, result: Json])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [["a", "b"], ["c", "d"], ["c", "d"]],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

/** Documents as the server has them: no member of an object is `null`. Names that objects of the language have are among them. */
const NAME = fc.oneof(fc.constantFrom("a", "b", "c", "__proto__", "constructor", "toString"), fc.string({ maxLength: 3 }));
const DOCUMENT = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, fc.integer(), fc.boolean(), fc.string({ maxLength: 3 }), tie("object"), fc.array(tie("value"), { maxLength: 3 })),
  object: fc.array(fc.tuple(NAME, tie("value")), { maxLength: 5 }).map((members) => Object.fromEntries(members)),
})).object;

/** The patch that leads from one document to another. */
function difference(from: JsonObject, to: JsonObject): JsonObject {
  const members: [string, Json][] = [];
  for (const name of Object.keys(from)) if (!Object.hasOwn(to, name)) members.push([name, null]);
  for (const [name, value] of Object.entries(to)) {
    const before = own(from, name);
    if (JSON.stringify(before) === JSON.stringify(value)) continue;
    members.push([name, isObject(before) && isObject(value) ? difference(before, value) : value]);
  }
  return Object.fromEntries(members);
}

/** Whether anything within can be changed. */
function isFrozen(value: Json): boolean {
  return typeof value !== "object" || value === null || (Object.isFrozen(value) && Object.values(value).every(isFrozen));
}

describe("merge", () => {
  for (const [document, patch, result] of EXAMPLES) {
    test(`${JSON.stringify(document)} with ${JSON.stringify(patch)}`, () => {
      assert.deepEqual(merge(share(undefined, document), patch), result);
    });
  }

  test("patches folded in any split equal the document", () => {
    const history = fc.array(fc.tuple(DOCUMENT, fc.boolean()), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(DOCUMENT, history, (first, later) => {
        let sent: JsonObject = first;
        let held = share(undefined, first);
        for (const [place, [document, cut]] of later.entries()) {
          // The server tells of some versions, and always of the last one.
          if (!cut && place < later.length - 1) continue;
          held = merge(held, difference(sent, document));
          sent = document;
          assert.deepEqual(held, document);
          assert.ok(isFrozen(held));
        }
      }),
      { numRuns: 500 },
    );
  });

  test("what does not change stays the same object", () => {
    fc.assert(
      fc.property(DOCUMENT, DOCUMENT, (from, to) => {
        const held = share(undefined, from) as JsonObject;
        assert.equal(merge(held, {}), held);
        assert.equal(share(held, structuredClone(from)), held);
        const next = merge(held, difference(from, to)) as JsonObject;
        for (const name of Object.keys(held)) {
          if (JSON.stringify(own(held, name)) === JSON.stringify(own(next, name))) assert.equal(own(next, name), own(held, name));
        }
        assert.deepEqual(held, from, "the document before is as it was");
      }),
      { numRuns: 500 },
    );
  });
});
