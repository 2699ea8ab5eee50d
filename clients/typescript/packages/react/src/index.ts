/**
 * Jobs and batches of a Headway server in React: hooks, and components that a product can embed.
 *
 * @module
 */

export { HeadwayProvider } from "./provider/provider.tsx";
export type { HeadwayProviderProps } from "./provider/provider.tsx";
export { useBatch } from "./hooks/use_batch.ts";
export type { BatchSnapshot } from "./hooks/use_batch.ts";
export { useCommand } from "./hooks/use_command.ts";
export type { CommandOptions, JobCommand } from "./hooks/use_command.ts";
export { useConnection } from "./hooks/use_connection.ts";
export { useHeadway } from "./hooks/use_headway.ts";
export { useJob } from "./hooks/use_job.ts";
export { useJobEvents } from "./hooks/use_job_events.ts";
export type { JobEventsOptions } from "./hooks/use_job_events.ts";
export { useJobs } from "./hooks/use_jobs.ts";
export { useSession } from "./hooks/use_session.ts";
export type { SessionSnapshot } from "./hooks/use_session.ts";
export type { SelectingOptions, WatchingOptions } from "./hooks/options.ts";
export type { Counts, Eta } from "./batch.ts";
export { allows, isTerminal } from "./status.ts";
export type { PlacedStep, StepDocument, Steps } from "./steps.ts";
export type { EventsSnapshot } from "./watch/event_log.ts";
export type { ManySelector } from "./watch/pool.ts";
export type { Selecting } from "./watch/selection.ts";
export type { Speech } from "./words/context.tsx";
export { ENGLISH } from "./words/words.ts";
export type { Words } from "./words/words.ts";
export type { JobDocument } from "@headway/client";
export { formatAmount, formatCount, formatPercent, formatRate } from "./format/numbers.ts";
export type { FormatOptions } from "./format/numbers.ts";
export { formatDuration, formatEta, formatTime } from "./format/times.ts";
export type { TimeOptions } from "./format/times.ts";
