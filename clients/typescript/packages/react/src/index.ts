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
export { AgentTimeline } from "./components/agent_timeline.tsx";
export type { AgentTimelineProps } from "./components/agent_timeline.tsx";
export { BatchProgress } from "./components/batch_progress.tsx";
export type { BatchProgressProps } from "./components/batch_progress.tsx";
export { ConnectionStatus } from "./components/connection_status.tsx";
export type { ConnectionStatusProps } from "./components/connection_status.tsx";
export { CostMeter } from "./components/cost_meter.tsx";
export type { CostDocument, CostMeterProps } from "./components/cost_meter.tsx";
export { HeadwayErrorBoundary } from "./components/error_boundary.tsx";
export type { Broken, HeadwayErrorBoundaryProps } from "./components/error_boundary.tsx";
export { JobCard } from "./components/job_card.tsx";
export type { JobCardProps } from "./components/job_card.tsx";
export { JobLog } from "./components/job_log.tsx";
export type { JobLogProps } from "./components/job_log.tsx";
export { ProgressBar } from "./components/progress_bar.tsx";
export type { ProgressBarProps } from "./components/progress_bar.tsx";
export type { HeadwayProgressAttributes, HeadwayProgressProps } from "./components/progress_element.ts";
export { StatusBadge } from "./components/status_badge.tsx";
export type { StatusBadgeProps } from "./components/status_badge.tsx";
export type { Progressing } from "./format/progress.ts";
export type { LogEvent } from "./log_lines.ts";
