// How a file of items begins, as far as a browser can tell. The server judges the file.

import { readCsv } from "./csv.ts";
import { readJsonl } from "./jsonl.ts";

export type Format = "csv" | "jsonl";

/** A name that items have in common, and what stands there. */
export interface Field {
  readonly name: string;
  readonly type: string;
}

/** An item, by the line that it begins on. */
export interface PreviewRow {
  readonly line: number;
  readonly cells: readonly string[];
}

/** A line that is no item: it would be a failed item of the batch. */
export interface BadLine {
  readonly line: number;
  readonly why: string;
}

/** What a reader finds in the beginning of a file. */
export interface Beginning {
  readonly fields: readonly Field[];
  /** The first items. */
  readonly rows: readonly PreviewRow[];
  /** All lines that cannot be read. */
  readonly bad: readonly BadLine[];
  /** Items in the part that was read, bad ones included. */
  readonly items: number;
  /** Why the server would refuse the file as a whole. */
  readonly refusal: string | undefined;
  /** What is good to know. */
  readonly note: string | undefined;
}

export interface Preview extends Beginning {
  readonly format: Format;
  /** What the file is sent as: its name tells the server the format. */
  readonly sentAs: string;
  readonly bytes: number;
  /** Bytes that were read. */
  readonly bytesRead: number;
  /** Items in all; counted when the whole file was read, else by what a line of the beginning takes. */
  readonly count: { readonly items: number; readonly exact: boolean };
}

/** How much of a file is read here. */
export const READ_BYTES = 256 * 1024;
/** Rows that are shown. */
export const ROWS_SHOWN = 20;
/** Bad lines that are named. */
export const BAD_SHOWN = 50;

/** Reads the beginning of a file. */
export async function preview(content: Blob, name: string): Promise<Preview> {
  const bytes = new Uint8Array(await content.slice(0, READ_BYTES).arrayBuffer());
  return previewOf(bytes, content.size, name);
}

/** The same for bytes that are here. */
export function previewOf(bytes: Uint8Array, size: number, name: string): Preview {
  const whole = bytes.length >= size;
  const text = new TextDecoder("utf-8").decode(bytes);
  // Where the reading stopped is in the middle of a line, or of a sign.
  const end = whole ? text.length : text.lastIndexOf("\n") + 1;
  const readable = text.slice(0, end);
  const format = formatOf(name, readable);
  const beginning = readable === "" && !whole ? unreadable() : format === "csv" ? readCsv(readable, whole) : readJsonl(readable);
  const bytesRead = whole ? size : new TextEncoder().encode(readable).length;
  return {
    ...beginning,
    format,
    sentAs: sentAs(name, format),
    bytes: size,
    bytesRead,
    count: {
      items: whole || bytesRead === 0 ? beginning.items : roughly((beginning.items / bytesRead) * size),
      exact: whole,
    },
  };
}

/** By the name's ending, as the server does, else by how the text begins. */
export function formatOf(name: string, text: string): Format {
  const ending = /\.([^.]*)$/u.exec(name)?.[1]?.toLowerCase();
  if (ending === "csv") return "csv";
  if (ending === "jsonl" || ending === "ndjson" || ending === "json") return "jsonl";
  const first = text.trimStart();
  if (/^[{[]/u.test(first)) return "jsonl";
  const line = first.split("\n", 1)[0] ?? "";
  try {
    JSON.parse(line);
    return "jsonl";
  } catch {
    return "csv";
  }
}

function sentAs(name: string, format: Format): string {
  const known = format === "csv" ? /\.csv$/iu : /\.(?:jsonl|ndjson)$/iu;
  return known.test(name) ? name : `${name}.${format}`;
}

function unreadable(): Beginning {
  return {
    fields: [], rows: [], bad: [], items: 0, refusal: undefined,
    note: `The first line is longer than ${READ_BYTES / 1024} KiB. It is not shown here; the server takes lines of up to 1 MiB.`,
  };
}

/** Two digits that count, for a number that is a guess. */
function roughly(items: number): number {
  if (items < 10) return Math.round(items);
  const unit = 10 ** (Math.floor(Math.log10(items)) - 1);
  return Math.round(items / unit) * unit;
}
