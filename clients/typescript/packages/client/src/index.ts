/**
 * A client of a Headway server: jobs and batches, live.
 *
 * ```ts
 * import { Headway } from "@headway/client";
 *
 * const headway = new Headway({ url: "https://headway.example", token: () => fetchToken() });
 * const job = await headway.jobs.create({ kind: "import" });
 * const watch = headway.watchJob(job.id);
 * watch.subscribe(() => console.log(watch.getSnapshot().job?.status));
 * ```
 *
 * @module
 */

export { Batches } from "./api/batches.ts";
export type { ItemFile, ItemQuery } from "./api/batches.ts";
export { Commands } from "./api/commands.ts";
export { Identity as IdentityApi } from "./api/identity.ts";
export { Jobs } from "./api/jobs.ts";
export type { HistoryQuery, JobQuery, ReportOptions } from "./api/jobs.ts";
export { Keys } from "./api/keys.ts";
export { WatchTokens } from "./api/tokens.ts";
export { Headway } from "./client.ts";
export { HeadwayError } from "./http/error.ts";
export type { CreateOptions, RequestOptions } from "./http/requester.ts";
export type * from "./protocol/generated/contract.ts";
export * from "./watch.ts";
