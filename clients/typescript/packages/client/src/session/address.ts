// The address of a stream that cannot be spoken to: everything that is watched is in it.

import type { TransportName } from "./connection.ts";
import { named, union, wantsEvents, type Selection } from "./selection.ts";

/** The stream that everything is subscribed on by messages. */
export const STREAM = "/api/v1/stream";

/**
 * The path of a stream of these selections. That of one job says the cursor held, and so goes on where
 * it was. Of several jobs, and `anew`, each begins with a snapshot; where events are wanted, those after
 * the cursor come before it.
 */
export function address(
  selections: readonly Selection[],
  cursorOf: (selection: Selection) => string | undefined,
  transport: TransportName,
  anew = false,
): string {
  const query = new URLSearchParams();
  // A stream takes each selector once. Of those for a job, that with events may know a position where others need none.
  const asked = new Map<string, Selection>();
  for (const selection of selections) {
    const key = JSON.stringify(selection.selector);
    if (!asked.has(key) || wantsEvents(selection)) asked.set(key, selection);
  }
  const [first] = asked.values();
  const single = anew || asked.size > 1 || first === undefined ? undefined : named(first.selector);
  const events = union(selections);
  const positions: string[] = [];
  for (const selection of asked.values()) {
    const cursor = cursorOf(selection);
    if (single === undefined) {
      for (const [name, value] of Object.entries(selection.selector)) query.append(name, String(value));
      if (cursor !== undefined) positions.push(`${named(selection.selector)}@${cursor}`);
    } else if (cursor !== undefined) query.append(transport === "events" ? "last_event_id" : "cursor", cursor);
  }
  if (events && positions[0]) query.append("cursor", positions.join());
  if (events) query.append("events", String(events));
  const interval = Math.min(...selections.map(({ minIntervalMs }) => minIntervalMs ?? DEFAULT_INTERVAL_MS));
  if (interval !== DEFAULT_INTERVAL_MS) query.append("min_interval_ms", String(interval));
  const text = query.toString();
  const path = single === undefined ? STREAM : `/api/v1/jobs/${encodeURIComponent(single)}/stream`;
  return text === "" ? path : `${path}?${text}`;
}

/** The server's own, for selections that say nothing beside others that do. */
const DEFAULT_INTERVAL_MS = 100;
