// What is watched.

import type { JobDocument } from "../document/job.ts";
import type { EventFilter, Subscribe } from "../protocol/generated/contract.ts";

/** One job, or all jobs of a session, of a tag, or whatever the caller sees. */
export type Selector =
  | { readonly job: string }
  | { readonly session: string }
  | { readonly tag: string }
  | { readonly all: true };

/** What is watched, and how. */
export interface Selection {
  readonly selector: Selector;
  /** Which events come beside the state; none unless said. */
  readonly events?: boolean | readonly string[] | undefined;
  /** The shortest time between two states of one job in milliseconds; the server's default unless said. */
  readonly minIntervalMs?: number | undefined;
}

/** What names a selection: the same for equal ones. */
export function keyOf({ selector, events, minIntervalMs }: Selection): string {
  return JSON.stringify([selector, events, minIntervalMs]);
}

/** The job that a selector names, if it names one. */
export function named(selector: Selector): string | undefined {
  return "job" in selector ? selector.job : undefined;
}

/** Whether a selector brings a job. */
export function covers(selector: Selector, id: string, job: JobDocument | undefined): boolean {
  if ("job" in selector) return selector.job === id;
  if ("all" in selector) return true;
  if (job === undefined) return false;
  return "session" in selector ? job.session === selector.session : (job.tags ?? []).includes(selector.tag);
}

/** Whether any events are asked for. */
export function wantsEvents({ events }: Selection): boolean {
  return events !== undefined && events !== false;
}

/** Whether a filter lets an event of this type through. */
export function wants(filter: Selection["events"], type: unknown): boolean {
  return typeof filter === "object" ? filter.some((wanted) => wanted === type) : filter === true;
}

/** One filter for several selections: whatever any of them wants; `undefined` when that is nothing. */
export function union(selections: readonly Selection[]): true | readonly string[] | undefined {
  const types = new Set<string>();
  for (const { events } of selections) {
    if (events === true) return true;
    if (events) for (const type of events) types.add(type);
  }
  return types.size > 0 ? [...types] : undefined;
}

/** The message that subscribes. */
export function subscribe(id: string, selection: Selection, cursor: string | undefined): Subscribe & { type: "subscribe" } {
  return {
    type: "subscribe",
    id,
    ...selection.selector,
    ...(cursor !== undefined && { cursor }),
    ...(selection.events !== undefined && { events: filter(selection.events) }),
    ...(selection.minIntervalMs !== undefined && { min_interval_ms: selection.minIntervalMs }),
  };
}

function filter(events: boolean | readonly string[]): EventFilter {
  return typeof events === "object" ? [...events] : events;
}
