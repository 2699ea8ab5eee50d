// What every hook that watches can be given.

import type { JobEvent } from "@headway/client";

import type { Wish } from "../watch/pool.ts";
import type { Selecting } from "../watch/selection.ts";

/** How to watch. Objects and functions may be new ones on each rendering. */
export interface WatchingOptions {
  /** Which events come to `onEvent`; all unless said, when there is one. */
  readonly events?: boolean | readonly string[] | undefined;
  /** Is told of each event from now on, in order, and of a `gap` where events are missing. */
  readonly onEvent?: ((event: JobEvent) => void) | undefined;
  /** The shortest time between two states of one job in milliseconds; the server's default unless said. */
  readonly minIntervalMs?: number | undefined;
}

/** How to watch, and which part of what is known to take. */
export type SelectingOptions<Snapshot, Selected> = WatchingOptions & Selecting<Snapshot, Selected>;

/** Either of both. */
export type AnyOptions<Snapshot> = WatchingOptions & Partial<Selecting<Snapshot, unknown>>;

/** What is asked of the watch. */
export function wish({ events, onEvent, minIntervalMs }: WatchingOptions): Wish {
  return { events: onEvent === undefined ? undefined : (events ?? true), minIntervalMs };
}
