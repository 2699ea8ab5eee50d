// The beginning of a CSV file: commas, a header row, RFC 4180 quotes, as the server reads it.

import { BAD_SHOWN, ROWS_SHOWN, type BadLine, type Beginning, type Field, type PreviewRow } from "./preview.ts";

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
  /** Whether the text ends within a quote. */
  readonly open: boolean;
  /** What is wrong with its quotes. */
  readonly wrong: string | undefined;
}

const OPEN = "a quote is opened and not closed, so that the rest of the file is one row";

const DELIMITERS: Readonly<Record<string, string>> = { ";": "semicolons", "\t": "tabs", "|": "bars" };

/** Reads whole lines. `whole` says whether the file ends here; else a quote may close further on. */
export function readCsv(text: string, whole: boolean): Beginning {
  const all = rowsOf(text);
  const last = all.at(-1);
  const rows = !whole && last?.open === true ? all.slice(0, -1) : all;
  const [header, ...items] = rows;
  if (header === undefined) return { fields: [], rows: [], bad: [], items: 0, refusal: undefined, note: "The file has no lines." };
  const names = header.cells.map((name) => name.trim());
  const refusal = headerRefusal(names, header.wrong);
  const bad: BadLine[] = [];
  const good: PreviewRow[] = [];
  let readable = 0;
  for (const { line, cells, wrong } of items) {
    const why = wrong ?? (cells.length !== names.length ? `${cells.length} fields where the header names ${names.length}`
      : cells.some((cell) => cell.includes("\uFFFD")) ? "a field is not UTF-8"
      : undefined);
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

/** Splits a text into rows where the server does: a quote opens a field only at its beginning, and text behind one that closes is an error. */
function rowsOf(text: string): readonly Row[] {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const rows: Row[] = [];
  let cells: string[] = [];
  let cell = "";
  let place: "row" | "field" | "plain" | "quoted" | "behind" = "row";
  let line = 1;
  let begun = 1;
  let opened = 1;
  let stray: string | undefined;
  const end = (): void => {
    const open = place === "quoted";
    rows.push({ line: begun, cells: [...cells, cell], open, wrong: open ? OPEN : stray });
    cells = [];
    cell = "";
    place = "row";
    stray = undefined;
  };
  for (const sign of source) {
    const ends = sign === "\n" || sign === "\r";
    if (place === "row" && !ends) begun = line;
    if (place === "quoted") {
      if (sign === '"') place = "behind";
      else cell += sign;
    } else if (place === "behind" && sign === '"') {
      cell += sign;
      place = "quoted";
    } else if (ends) {
      if (place !== "row") end();
    } else if (sign === ",") {
      cells.push(cell);
      cell = "";
      place = "field";
    } else if (sign === '"' && place !== "plain" && place !== "behind") {
      place = "quoted";
      opened = line;
    } else {
      if (place === "behind") stray ??= strayWords(opened, line);
      cell += sign;
      place = "plain";
    }
    if (sign === "\n") line += 1;
  }
  if (place !== "row") end();
  return rows;
}

function strayWords(opened: number, closed: number): string {
  return opened === closed ? "text follows the quote that closes a field"
    : `the quote opened on line ${opened} is closed on line ${closed} with text behind it, so that these lines are one row`;
}

function headerRefusal(names: readonly string[], wrong: string | undefined): string | undefined {
  const [first = ""] = names;
  if (/^[{[]/u.test(first)) return "It begins like JSON. Name the file .jsonl if each line is a JSON value.";
  if (wrong !== undefined) return `The header row cannot be read: ${wrong}.`;
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
