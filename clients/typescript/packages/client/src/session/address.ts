// The address of a stream that cannot be spoken to: everything that is watched is in it.

import type { TransportName } from "./connection.ts";
import { named, type Selection } from "./selection.ts";

/** The stream that everything is subscribed on by messages. */
export const STREAM = "/api/v1/stream";

/**
 * The path of a stream of these selections. That of one job says the cursor held, and so goes on where
 * it was. Of several jobs each begins with a snapshot; where events are wanted, those after the cursor
 * held come before it.
 */
export function address(
  selections: readonly Selection[],
  cursorOf: (selection: Selection) => string | undefined,
  transport: TransportName,
): string {
  const query = new URLSearchParams();
  const [first] = selections;
  const single = selections.length === 1 && first !== undefined ? named(first.selector) : undefined;
  const cursors = selections.map(cursorOf);
  const [cursor] = cursors;
  const events = union(selections);
  if (single === undefined) {
    for (const { selector } of selections) {
      for (const [name, value] of Object.entries(selector)) query.append(name, String(value));
    }
    const positions = selections.flatMap(({ selector }, place) => (cursors[place] ? `${named(selector)}@${cursors[place]}` : []));
    if (events && positions[0]) query.append("cursor", positions.join());
  } else if (cursor !== undefined) {
    query.append(transport === "events" ? "last_event_id" : "cursor", cursor);
  }
  if (events !== undefined) query.append("events", events);
  const intervals = selections.map(({ minIntervalMs }) => minIntervalMs ?? DEFAULT_INTERVAL_MS);
  if (selections.some(({ minIntervalMs }) => minIntervalMs !== undefined)) {
    query.append("min_interval_ms", String(Math.min(...intervals)));
  }
  const text = query.toString();
  const path = single === undefined ? STREAM : `/api/v1/jobs/${encodeURIComponent(single)}/stream`;
  return text === "" ? path : `${path}?${text}`;
}

/** The server's own, for selections that say nothing beside others that do. */
const DEFAULT_INTERVAL_MS = 100;

/** One filter for a whole stream: whatever any of its readers wants. */
function union(selections: readonly Selection[]): string | undefined {
  const types = new Set<string>();
  for (const { events } of selections) {
    if (events === true) return "true";
    if (typeof events === "object") for (const type of events) types.add(type);
  }
  return types.size > 0 ? [...types].join(",") : undefined;
}
