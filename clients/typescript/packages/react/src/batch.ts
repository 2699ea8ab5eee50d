// What can be worked out of a batch's document.

import type { JobDocument } from "@headway/client";

/** How many items are where. */
export type Counts = NonNullable<JobDocument["items"]>;

/** How long it will take, with the range in which the server expects the end. */
export interface Eta {
  readonly ms: number;
  readonly lowMs: number | undefined;
  readonly highMs: number | undefined;
}

/** Items that will not move any more. */
export function settled({ succeeded, failed, skipped, cancelled, expired }: Counts): number {
  return succeeded + failed + skipped + cancelled + expired;
}

/** Items that came to an end of their own: those that were cancelled or expired before are not done. */
export function done({ succeeded, failed, skipped }: Counts): number {
  return succeeded + failed + skipped;
}

/** When a job is expected to end, if the server has evidence for it. */
export function etaOf(job: Pick<JobDocument, "progress"> | undefined): Eta | undefined {
  const { eta_ms: ms, eta_low_ms: lowMs, eta_high_ms: highMs } = job?.progress ?? {};
  return typeof ms === "number" ? { ms, lowMs: lowMs ?? undefined, highMs: highMs ?? undefined } : undefined;
}
