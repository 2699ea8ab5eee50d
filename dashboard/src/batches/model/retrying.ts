// Which items of a batch can run again, and why not.

import type { ItemCounts, ItemStatus, JobStatus, RetryItems } from "@headway/client";

/** At most so many items are named in one request. */
export const MOST_CHOSEN = 1_000;

/** Items that can run again together. */
export interface RetryChoice {
  readonly status: RetryItems;
  readonly label: string;
  readonly count: number;
}

/** What decides whether items can run again. */
export interface Retryable {
  readonly status: JobStatus;
  readonly items?: Readonly<Pick<ItemCounts, "failed" | "cancelled" | "expired">> | null | undefined;
}

/** Why nothing can run again now; `undefined` when it can. */
export function retryRefusal({ status, items }: Retryable): string | undefined {
  switch (status) {
    case "pending":
    case "queued":
    case "running":
    case "pausing":
    case "paused":
      return "Items can run again when the batch has ended. Wait for its end, or cancel it.";
    case "cancelling":
      return "The batch is being cancelled. Its items can run again when it has ended.";
    case "completed":
    case "failed":
    case "cancelled":
    case "expired":
      return open(items) > 0 ? undefined : "Every item succeeded or was skipped: there is nothing to run again.";
  }
}

/** What can be asked to run again in one go, the usual first; empty when nothing can. */
export function retryChoices(batch: Retryable): readonly RetryChoice[] {
  const { items } = batch;
  if (items === undefined || items === null || retryRefusal(batch) !== undefined) return [];
  const { failed, cancelled, expired } = items;
  const single: readonly RetryChoice[] = [
    { status: "failed", label: "failed", count: failed },
    { status: "cancelled", label: "cancelled", count: cancelled },
    { status: "expired", label: "expired", count: expired },
  ];
  const some = single.filter(({ count }) => count > 0);
  if (some.length < 2) return some;
  return [...some, { status: "unfinished", label: "that did not succeed", count: failed + cancelled + expired }];
}

/** Whether an item with this status can run again once its batch has ended. */
export function canRunAgain(status: ItemStatus): boolean {
  switch (status) {
    case "failed":
    case "cancelled":
    case "expired":
      return true;
    case "queued":
    case "running":
    case "retrying":
    case "succeeded":
    case "skipped":
      return false;
  }
}

function open(items: Retryable["items"]): number {
  return items === undefined || items === null ? 0 : items.failed + items.cancelled + items.expired;
}
