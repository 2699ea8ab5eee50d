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

export { Audit as AuditApi } from "./api/audit.ts";
export type { AuditQuery } from "./api/audit.ts";
export { Batches } from "./api/batches.ts";
export type { ItemFile, ItemQuery } from "./api/batches.ts";
export { Commands } from "./api/commands.ts";
export type { RetryOptions } from "./api/commands.ts";
export { DeadLetters as DeadLettersApi } from "./api/dead_letters.ts";
export type { DeadLetterQuery } from "./api/dead_letters.ts";
export { Identity as IdentityApi } from "./api/identity.ts";
export { Jobs } from "./api/jobs.ts";
export type { EventQuery, HistoryQuery, JobQuery, RecordQuery, ReportOptions } from "./api/jobs.ts";
export { Keys } from "./api/keys.ts";
export { Kinds as KindsApi } from "./api/kinds.ts";
export { Node as NodeApi } from "./api/node.ts";
export { WatchTokens } from "./api/tokens.ts";
export { Headway } from "./client.ts";
export { HeadwayError } from "./http/error.ts";
export type { CreateOptions, RequestOptions } from "./http/requester.ts";
export { Metrics } from "./metrics/metrics.ts";
export type { Labels, QuantileOptions } from "./metrics/metrics.ts";
export type { Family, Sample } from "./metrics/read.ts";
export type * from "./protocol/generated/contract.ts";
export { Replay } from "./replay/replay.ts";
export * from "./watch.ts";
