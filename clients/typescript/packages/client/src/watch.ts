/**
 * Watching jobs live, and nothing else: the small half of `@headway/client`.
 *
 * ```ts
 * import { Watcher } from "@headway/client/watch";
 *
 * const watcher = new Watcher({ url: "https://headway.example", token: () => fetchToken() });
 * const watch = watcher.watchJob("import-7");
 * const stop = watch.subscribe(() => console.log(watch.getSnapshot().job?.progress?.percent));
 * ```
 *
 * @module
 */

export type { DeepReadonly, JobDocument } from "./document/job.ts";
export type { ConnectionState, Link, SignedOutReason, TabRole, TransportName } from "./session/connection.ts";
export type { Refusal } from "./session/refusal.ts";
export type { Selector } from "./session/selection.ts";
export type { Fetch } from "./transport/answer.ts";
export type { Socket, SocketConstructor } from "./transport/websocket.ts";
export type { Clock } from "./watch/clock.ts";
export type { JobSnapshot, JobWatch } from "./watch/job_watch.ts";
export type { JobsSnapshot, JobsWatch } from "./watch/jobs_watch.ts";
export type { ConnectOptions, TokenSource } from "./watch/options.ts";
export type { Store } from "./watch/store.ts";
export { Watcher } from "./watch/watcher.ts";
export type { Happened, JobEvent, WatchOptions } from "./watch/watcher.ts";
export type { Action, Cursor, Job, JobError, JobStatus, Owner, Progress, Step, StepStatus } from "./protocol/generated/contract.ts";
