// The beginning of a JSONL file: one JSON value a line, each an input or an envelope around one.

import { brief } from "../model/item_row.ts";
import { BAD_SHOWN, ROWS_SHOWN, type BadLine, type Beginning, type Field, type PreviewRow } from "./preview.ts";

interface Value {
  readonly line: number;
  readonly input: unknown;
  readonly customId: string | undefined;
}

/** The most columns: items with more members are shown as they are written. */
const COLUMNS = 24;

export function readJsonl(text: string): Beginning {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const values: Value[] = [];
  const bad: BadLine[] = [];
  let items = 0;
  let first = "";
  let firstLine = 0;
  for (const [place, whole] of source.split("\n").entries()) {
    const line = whole.trim();
    if (line === "") continue;
    items += 1;
    if (items === 1) [first, firstLine] = [line, place + 1];
    const value = read(line, place + 1);
    if ("why" in value) {
      if (bad.length < BAD_SHOWN) bad.push(value);
    } else values.push(value);
  }
  const named = values.some(({ customId }) => customId !== undefined);
  const shown = values.slice(0, ROWS_SHOWN);
  const { fields, cells } = columns(values);
  const rows = shown.map((value): PreviewRow => ({
    line: value.line, cells: named ? [value.customId ?? "", ...cells(value.input)] : cells(value.input),
  }));
  return {
    fields: named ? [{ name: "custom_id", type: "names the item" }, ...fields] : fields,
    rows, bad, items,
    refusal: refusal(first, bad[0]?.line === firstLine, items > 0 && values.length === 0),
    note: items === 0 ? "The file has no lines." : undefined,
  };
}

function refusal(first: string, firstIsBad: boolean, allAreBad: boolean): string | undefined {
  if (firstIsBad && first.startsWith("[")) {
    return "It looks like one JSON array. Put each of its members on a line of its own, without the brackets and commas.";
  }
  return allAreBad ? "None of its lines is a JSON value. In JSONL each line is one." : undefined;
}

function read(line: string, number: number): Value | BadLine {
  if (line.includes("\uFFFD")) return { line: number, why: "not UTF-8" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return { line: number, why: error instanceof Error ? `not JSON: ${error.message}` : "not JSON" };
  }
  if (!isObject(value)) return { line: number, input: value, customId: undefined };
  const id = value["custom_id"];
  const nameable = typeof id === "string" || typeof id === "number";
  if (!("input" in value)) {
    const rest = Object.fromEntries(Object.entries(value).filter(([name]) => !nameable || name !== "custom_id"));
    return { line: number, input: rest, customId: nameable ? String(id) : undefined };
  }
  const other = Object.keys(value).find((name) => !["input", "custom_id", "estimate"].includes(name));
  if (other !== undefined) return { line: number, why: `"${other}" stands beside "input": put it inside, or leave "input" out` };
  if (id !== undefined && id !== null && !nameable) return { line: number, why: '"custom_id" is neither text nor a number' };
  return { line: number, input: value["input"], customId: nameable ? String(id) : undefined };
}

/** Columns by the members of the inputs, or one for all when they are no objects. */
function columns(values: readonly Value[]): { readonly fields: readonly Field[]; readonly cells: (input: unknown) => readonly string[] } {
  const inputs = values.map(({ input }) => input);
  const names = [...new Set(inputs.flatMap((input) => (isObject(input) ? Object.keys(input) : [])))];
  if (names.length === 0 || names.length > COLUMNS || !inputs.every(isObject)) {
    return { fields: [{ name: "input", type: typeOf(inputs) }], cells: (input) => [brief(input)] };
  }
  return {
    fields: names.map((name) => ({ name, type: typeOf(inputs.map((input) => (isObject(input) ? input[name] : undefined))) })),
    cells: (input) => names.map((name) => (isObject(input) ? brief(input[name]) : "")),
  };
}

/** What kinds of JSON the values are. */
function typeOf(values: readonly unknown[]): string {
  const types = new Set(values.filter((value) => value !== undefined && value !== null).map(word));
  if (types.size === 0) return "empty";
  const said = [...types].sort().join(" or ");
  return values.some((value) => value === undefined || value === null) ? `${said}, some empty` : said;
}

function word(value: unknown): string {
  if (Array.isArray(value)) return "lists";
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "numbers";
  return typeof value === "boolean" ? "true or false" : "objects";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
