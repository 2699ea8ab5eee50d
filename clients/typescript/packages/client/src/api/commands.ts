// What may be asked of jobs and batches.

import type { Action, Amount, Job, RetryItems } from "../protocol/generated/contract.ts";
import { path, type RequestOptions, type Requester } from "../http/requester.ts";

/** Which items another attempt is over: those that ended so, or just these by their indexes; the ones that failed unless said. */
export type RetryOptions = RequestOptions &
  (
    | { readonly status?: RetryItems | undefined; readonly items?: undefined }
    | { readonly items: readonly number[]; readonly status?: undefined }
  );

/** Wishes; the answer is the job as it is then, and its stream tells what came of it. */
export class Commands {
  protected readonly requester: Requester;
  readonly #collection: "jobs" | "batches";

  constructor(requester: Requester, collection: "jobs" | "batches") {
    this.requester = requester;
    this.#collection = collection;
  }

  cancel(id: string, options: RequestOptions = {}): Promise<Job> {
    return this.#ask(id, "cancel", {}, options);
  }

  pause(id: string, options: RequestOptions = {}): Promise<Job> {
    return this.#ask(id, "pause", {}, options);
  }

  /** Goes on, with a new largest amount if there is one. */
  resume(id: string, { maxBudget, ...options }: RequestOptions & { readonly maxBudget?: Amount | undefined } = {}): Promise<Job> {
    return this.#ask(id, "resume", maxBudget === undefined ? {} : { max_budget: maxBudget }, options);
  }

  /** Another attempt; of a batch over the items that failed, unless others are named. */
  retry(id: string, { status, items, ...options }: RetryOptions = {}): Promise<Job> {
    return this.#ask(id, "retry", { ...(status !== undefined && { status }), ...(items !== undefined && { items }) }, options);
  }

  #ask(id: string, action: Action, body: object, { signal }: RequestOptions): Promise<Job> {
    return this.requester.json("POST", path(this.#collection, id, action), { body, signal });
  }
}
