// An item as its row shows it. Inputs and outputs can be a megabyte each; a row keeps how they begin.

import type { Item, ItemStatus } from "@headway/client";

export interface ItemRow {
  readonly index: number;
  readonly customId: string | undefined;
  readonly status: ItemStatus;
  readonly attempts: number;
  readonly input: string;
  /** What came of it: its output, or why it failed. */
  readonly outcome: string;
  readonly code: string | undefined;
  readonly durationMs: number | undefined;
  readonly cost: string | undefined;
}

/** How much of a value a row keeps, in characters. */
const KEPT = 160;

export function itemRow(item: Item): ItemRow {
  const { error } = item;
  return {
    index: item.index,
    customId: item.custom_id ?? undefined,
    status: item.status,
    attempts: item.attempts,
    input: brief(unnamed(item.input)),
    outcome: error === undefined || error === null ? brief(item.output) : cut(error.message),
    code: error?.code,
    durationMs: item.duration_ms ?? undefined,
    cost: item.cost ?? undefined,
  };
}

/** How a value begins, on one line. An object is shown as its members, which says more in less room. */
export function brief(value: unknown): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return cut(value);
  if (typeof value !== "object" || Array.isArray(value)) return cut(JSON.stringify(value));
  let text = "";
  for (const [name, member] of Object.entries(value)) {
    if (text.length > KEPT) break;
    text += `${text === "" ? "" : " · "}${name} ${typeof member === "string" ? member : JSON.stringify(member)}`;
  }
  return cut(text === "" ? "{}" : text);
}

/** An input without what names the item: that stands beside it. */
function unnamed(input: unknown): unknown {
  if (typeof input !== "object" || input === null || Array.isArray(input) || !("custom_id" in input)) return input;
  return Object.fromEntries(Object.entries(input).filter(([name]) => name !== "custom_id"));
}

function cut(text: string): string {
  const line = text.slice(0, KEPT * 2).replaceAll(/\s+/gu, " ").trim();
  return line.length > KEPT || text.length > KEPT * 2 ? `${line.slice(0, KEPT).trimEnd()}…` : line;
}
