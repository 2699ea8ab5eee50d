import assert from "node:assert/strict";
import { test } from "node:test";

import { preview, previewOf, READ_BYTES } from "../../src/batches/preview/preview.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const of = (text: string, name: string) => previewOf(bytes(text), bytes(text).length, name);

test("a CSV file is shown by its header, with the lines that rows begin on", () => {
  const found = of('custom_id,city,size\nA,"Bern\n(capital)",12\n\nB,Basel,7\n', "places.csv");
  assert.equal(found.format, "csv");
  assert.deepEqual(found.fields, [
    { name: "custom_id", type: "names the item" }, { name: "city", type: "text" }, { name: "size", type: "numbers" },
  ]);
  assert.deepEqual(found.rows, [
    { line: 2, cells: ["A", "Bern\n(capital)", "12"] },
    { line: 5, cells: ["B", "Basel", "7"] },
  ]);
  assert.deepEqual(found.count, { items: 2, exact: true });
  assert.equal(found.refusal, undefined);
});

test("lines of a CSV file that are no items are named with their number", () => {
  const found = of('a,b\r\n1,2\r\n3\r\n4,5,6\r\n"x""y",8\r\n"open,9\r\n', "x.csv");
  assert.deepEqual(found.bad, [
    { line: 3, why: "1 fields where the header names 2" },
    { line: 4, why: "3 fields where the header names 2" },
    { line: 6, why: "a quote is opened and not closed, so that the rest of the file is one row" },
  ]);
  assert.deepEqual(found.rows.map(({ cells }) => cells), [["1", "2"], ['x"y', "8"]]);
  assert.equal(found.items, 5);
});

test("text behind a closed quote makes a bad row of the lines between, and the next one is read", () => {
  const found = of('id,note\n1,"6in pipe\n2,ok\n3,"7in pipe\n4,ok\n5,"a" b\n6,"c"\n7,8" pipe\n8,a"b""c\n9,\n', "x.csv");
  assert.deepEqual(found.bad, [
    { line: 2, why: "the quote opened on line 2 is closed on line 4 with text behind it, so that these lines are one row" },
    { line: 6, why: "text follows the quote that closes a field" },
  ]);
  assert.deepEqual(found.rows.map(({ cells }) => cells), [["4", "ok"], ["6", "c"], ["7", '8" pipe'], ["8", 'a"b""c'], ["9", ""]]);
  assert.deepEqual(found.count, { items: 7, exact: true });
});

test("rows end as the server ends them, whatever ends the lines", () => {
  const found = of('\uFEFFa,b\r"1\r\n2",\r\n\r\n\n"",""\n,3', "x.csv");
  assert.deepEqual(found.rows, [
    { line: 1, cells: ["1\r\n2", ""] }, { line: 5, cells: ["", ""] }, { line: 6, cells: ["", "3"] },
  ]);
  assert.deepEqual(found.bad, []);
});

test("what the server would refuse as a whole is said before it is sent", () => {
  for (const [text, name, expected] of [
    ["a;b\n1;2\n", "x.csv", /semicolons/u],
    ["a\tb\n1\t2\n", "x.csv", /tabs/u],
    ["a,a\n1,2\n", "x.csv", /"a" twice/u],
    ['a,"b\n1,2\n', "x.csv", /header row cannot be read: a quote is opened/u],
    ["a,,c\n1,2,3\n", "x.csv", /no name for field 2/u],
    ['{"a":1}\n{"a":2}\n', "x.csv", /like JSON/u],
    ['[\n{"a":1}\n]\n', "x.jsonl", /one JSON array/u],
    ["hello\n", "x.jsonl", /None of its lines/u],
  ] as const) {
    assert.match(of(text, name).refusal ?? "", expected, text);
  }
  assert.equal(of("only\nx\n", "x.csv").refusal, undefined);
});

test("a JSONL file is shown by the members of its inputs", () => {
  const found = of('\uFEFF{"input":{"a":1},"custom_id":"x","estimate":{"sku":"m"}}\n\n{"a":"two","b":[1]}\n', "x.jsonl");
  assert.deepEqual(found.fields, [
    { name: "custom_id", type: "names the item" }, { name: "a", type: "numbers or text" }, { name: "b", type: "lists, some empty" },
  ]);
  assert.deepEqual(found.rows, [{ line: 1, cells: ["x", "1", ""] }, { line: 3, cells: ["", "two", "[1]"] }]);
});

test("inputs that are no objects stand in one column", () => {
  const found = of('17\n"text"\nnull\n', "x.ndjson");
  assert.deepEqual(found.fields, [{ name: "input", type: "numbers or text, some empty" }]);
  assert.equal(found.items, 3);
});

test("lines of a JSONL file that are no items are named with their number", () => {
  const found = of('{"a":1}\n{"a":\n{"input":1,"lang":"en"}\n{"input":1,"custom_id":[1]}\n', "x.jsonl");
  assert.deepEqual(found.bad.map(({ line }) => line), [2, 3, 4]);
  assert.match(found.bad[0]?.why ?? "", /^not JSON/u);
  assert.match(found.bad[1]?.why ?? "", /"lang" stands beside "input"/u);
});

test("of a large file only the beginning is read, and its last line is not taken for a bad one", async () => {
  const line = '{"city":"Zürich","size":123456}\n';
  const content = new Blob([line.repeat(50_000)]);
  let asked = 0;
  const slice = content.slice.bind(content);
  content.slice = (from, to) => {
    asked = (to ?? content.size) - (from ?? 0);
    return slice(from, to);
  };
  const found = await preview(content, "big.jsonl");
  assert.equal(asked, READ_BYTES);
  assert.deepEqual(found.bad, []);
  assert.deepEqual(found.count, { items: 50_000, exact: false });
  const open = previewOf(bytes('a,b\n1,2\n"goes\non'), 10_000, "x.csv");
  assert.deepEqual([open.bad.length, open.items], [0, 1]);
  const long = previewOf(bytes("x".repeat(50)), 10_000, "x.csv");
  assert.match(long.note ?? "", /longer than/u);
});

test("a name that does not tell the format gets one that does", () => {
  assert.deepEqual([of("a,b\n1,2\n", "notes.txt").format, of("a,b\n1,2\n", "notes.txt").sentAs], ["csv", "notes.txt.csv"]);
  assert.equal(of('{"a":1}\n', "pasted").sentAs, "pasted.jsonl");
  assert.equal(of('{"a":1}\n', "x.NDJSON").sentAs, "x.NDJSON");
  assert.equal(of("17\n18\n", "numbers").format, "jsonl");
});

test("bytes that are not UTF-8 make a bad line", () => {
  const found = previewOf(new Uint8Array([0x61, 0x2c, 0x62, 0x0a, 0xff, 0x2c, 0x31, 0x0a, 0x32, 0x2c, 0x33, 0x0a]), 12, "x.csv");
  assert.deepEqual(found.bad, [{ line: 2, why: "a field is not UTF-8" }]);
});
