// Why something is not watched.

import { named, type Selector } from "./selection.ts";

/** Why the server does not let something be watched. */
export interface Refusal {
  /** A word for programs, such as `not_found`. */
  readonly code: string;
  /** What, where, and what to do. */
  readonly message: string;
}

/** What the protocol lets be the name of a job. */
const NAME = /^[A-Za-z0-9_\-.:~]{1,128}$/;

/**
 * The refusal of a selector that the server could not read. It is not asked: too many of those close the
 * connection, and others watch on it.
 */
export function unnameable(selector: Selector): Refusal | undefined {
  const job = named(selector);
  if (job === undefined || NAME.test(job)) return undefined;
  return { code: "not_found", message: `\`${job}\` cannot name a job: use 1 to 128 of A-Z a-z 0-9 _ - . : ~` };
}
