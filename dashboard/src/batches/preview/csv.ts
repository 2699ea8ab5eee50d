// The beginning of a CSV file: commas, a header row, RFC 4180 quotes, as the server reads it.

import Papa from "papaparse";

import { BAD_SHOWN, ROWS_SHOWN, type BadLine, type Beginning, type Field, type PreviewRow } from "./preview.ts";

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
  readonly open: boolean;
}

const DELIMITERS: Readonly<Record<string, string>> = { ";": "semicolons", "\t": "tabs", "|": "bars" };

/** Reads whole lines. `whole` says whether the file ends here; else a quote may close further on. */
export function readCsv(text: string, whole: boolean): Beginning {
  const all = rowsOf(text);
  const last = all.at(-1);
  const rows = !whole && last?.open === true ? all.slice(0, -1) : all;
  const [header, ...items] = rows;
  if (header === undefined) return { fields: [], rows: [], bad: [], items: 0, refusal: undefined, note: "The file has no lines." };
  const names = header.cells.map((name) => name.trim());
  const refusal = headerRefusal(names);
  const bad: BadLine[] = [];
  const good: PreviewRow[] = [];
  let readable = 0;
  for (const { line, cells, open } of items) {
    const why = open ? "a quote is opened and not closed"
      : cells.length !== names.length ? `${cells.length} fields where the header names ${names.length}`
      : cells.some((cell) => cell.includes("\uFFFD")) ? "a field is not UTF-8"
      : undefined;
    if (why !== undefined) {
      if (bad.length < BAD_SHOWN) bad.push({ line, why });
      continue;
    }
    readable += 1;
    if (good.length < ROWS_SHOWN) good.push({ line, cells });
  }
  const fields = names.map((name, place): Field => ({
    name,
    type: name === "custom_id" ? "names the item" : typeOf(items.map(({ cells }) => cells[place] ?? "")),
  }));
  return {
    fields, rows: good, bad, items: items.length,
    refusal: refusal ?? (readable === 0 && items.length > 0 && whole ? "None of its lines is an item." : undefined),
    note: items.length === 0 ? "There is a header row and no item." : "Every field reaches the item as text.",
  };
}

function rowsOf(text: string): readonly Row[] {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const rows: Row[] = [];
  let line = 1;
  let from = 0;
  Papa.parse<string[]>(source, {
    delimiter: ",",
    step: ({ data, errors, meta }) => {
      const blank = data.length === 1 && data[0] === "";
      if (!blank) rows.push({ line, cells: data, open: errors.some(({ code }) => code === "MissingQuotes") });
      line += linesIn(source, from, meta.cursor);
      from = meta.cursor;
    },
  });
  return rows;
}

function linesIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf("\n", from); at >= 0 && at < to; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

function headerRefusal(names: readonly string[]): string | undefined {
  const [first = ""] = names;
  if (/^[{[]/u.test(first)) return "It begins like JSON. Name the file .jsonl if each line is a JSON value.";
  const other = names.length === 1 ? Object.keys(DELIMITERS).find((sign) => first.includes(sign)) : undefined;
  if (other !== undefined) return `Its fields are separated by ${DELIMITERS[other] ?? other}. Separate them by commas.`;
  const empty = names.indexOf("");
  if (empty >= 0) return `The header row has no name for field ${empty + 1}.`;
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) return `The header row has the name "${twice}" twice.`;
  return undefined;
}

/** What the values of a field look like. */
function typeOf(values: readonly string[]): string {
  const said = values.filter((value) => value.trim() !== "");
  if (said.length === 0) return "empty";
  const all = (pattern: RegExp): boolean => said.every((value) => pattern.test(value.trim()));
  const type = all(/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/iu) ? "numbers"
    : all(/^(?:true|false|yes|no)$/iu) ? "yes or no"
    : all(/^\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/u) ? "dates"
    : all(/^https?:\/\/\S+$/iu) ? "addresses"
    : "text";
  return said.length < values.length ? `${type}, some empty` : type;
}
