// Jobs in every state that a component shows, for the gallery and for tests.

import type { ConnectionState, JobDocument, JobEvent, JobStatus } from "@headway/client";

import type { CostDocument, Steps } from "../src/index.ts";

/** When all of it is. */
export const NOW = Date.parse("2026-11-21T14:10:00.000Z");

/** So many seconds before now. */
export function ago(seconds: number): string {
  return new Date(NOW - 1_000 * seconds).toISOString();
}

export function job(more: Partial<JobDocument> = {}): JobDocument {
  return {
    id: "job_01jd7m3k9x",
    kind: "import",
    name: "Nightly import of leads",
    status: "running",
    attempt: 1,
    progress: { percent: 42.5, done: 425, total: 1_000, unit: "leads", rate: 12.3, eta_ms: 46_700, eta_low_ms: 41_000, eta_high_ms: 95_000 },
    phase: "analyzing_transfers",
    message: "Scoring lead 425",
    owner: { tenant: "default" },
    cursor: "0000000a-12",
    created_at: ago(100),
    started_at: ago(95),
    updated_at: ago(1),
    ...more,
  };
}

const ENDED: Partial<JobDocument> = { finished_at: ago(5), phase: null };

/** One job in each status. */
export const JOBS: Readonly<Record<JobStatus | "stalled" | "unknown" | "long", JobDocument>> = {
  pending: job({ status: "pending", progress: {}, started_at: null, phase: null, message: null }),
  queued: job({ status: "queued", progress: {}, started_at: null, phase: null, message: "Third in its queue" }),
  running: job({ cost: { currency: "USD", spent: "6.21" } }),
  pausing: job({ status: "pausing" }),
  paused: job({ status: "paused", message: "Paused by an operator" }),
  cancelling: job({ status: "cancelling" }),
  completed: job({ ...ENDED, status: "completed", progress: { percent: 100, done: 1_000, total: 1_000, unit: "leads" }, message: "All leads are scored", cost: { currency: "USD", spent: "12.4901" } }),
  failed: job({ ...ENDED, status: "failed", attempt: 3, message: null, error: { code: "upstream", message: "The CRM answered 503 for five minutes. Try again when its status page is green.", retryable: true } }),
  cancelled: job({ ...ENDED, status: "cancelled", message: "Cancelled by an operator" }),
  expired: job({ ...ENDED, status: "expired", message: null, error: { code: "expired", message: "It was not done within 15 minutes." } }),
  stalled: job({ stalled: true, message: "Waiting for the rate limiter" }),
  unknown: job({ progress: {}, phase: "crawling", message: "Looking for pages", name: "Crawl of docs.example" }),
  long: job({
    name: "A name that somebody has made of everything they know about a job, so that it can be found again later",
    message: "https://files.example/exports/2026/11/21/very/long/path/without/any/break/in/it/that/has/to/be/cut/somewhere.parquet",
    progress: { percent: 99.97, done: 12_345_678, total: 12_349_000, unit: "records", rate: 1_234.5, eta_ms: 2_700 },
    attempt: 12,
  }),
};

const COUNTS = { total: 1_000, queued: 560, running: 8, retrying: 2, succeeded: 425, failed: 5, skipped: 0, cancelled: 0, expired: 0 };

/** Batches. */
export const BATCHES: Readonly<Record<"running" | "mixed" | "completed" | "paused" | "empty", JobDocument>> = {
  running: job({
    id: "bat_01jd7m",
    name: "Score 1,000 leads",
    items: COUNTS,
    progress: { percent: 43, rate: 12.3, eta_ms: 46_700, eta_low_ms: 41_000, eta_high_ms: 95_000 },
    cost: { currency: "USD", spent: "6.21", budget: "15.00" },
  }),
  mixed: job({
    id: "bat_02",
    name: "Classify invoices",
    status: "cancelled",
    items: { total: 12_000, queued: 0, running: 0, retrying: 0, succeeded: 7_900, failed: 640, skipped: 800, cancelled: 2_000, expired: 660 },
    progress: { percent: 100 },
    finished_at: ago(4),
  }),
  completed: job({ id: "bat_03", name: "Embed documents", status: "completed", items: { ...COUNTS, queued: 0, running: 0, retrying: 0, succeeded: 998, failed: 2 }, progress: { percent: 100 }, finished_at: ago(4) }),
  paused: job({
    id: "bat_04",
    name: "Translate pages",
    status: "paused",
    items: { ...COUNTS, running: 0, queued: 570, retrying: 0 },
    error: { code: "budget_reached", message: "The budget of $5.00 is reached. Resume it with a larger one." },
    cost: { currency: "USD", spent: "4.99", budget: "5.00" },
  }),
  empty: job({ id: "bat_05", name: "Waiting for its items", status: "queued", items: { total: 0, queued: 0, running: 0, retrying: 0, succeeded: 0, failed: 0, skipped: 0, cancelled: 0, expired: 0 }, progress: {}, started_at: null }),
};

/** Agents at work. */
export const STEPS: Steps = {
  plan: { index: 0, name: "Planner", role: "agent", status: "completed", percent: 100, started_at: ago(95), finished_at: ago(82), weight: 1, message: "Three questions to answer" },
  research: { index: 1, name: "ResearchAgent", role: "agent", status: "running", percent: 50, started_at: ago(82), weight: 3, tasks: ["Gathering data", "Fetching filings"], message: "Reading 10-K of 2025" },
  search: { index: 2, name: "WebSearch", role: "tool", parent: "research", status: "completed", started_at: ago(80), finished_at: ago(58), weight: 1 },
  fetch: { index: 3, name: "FetchPages", role: "tool", parent: "research", status: "failed", started_at: ago(58), finished_at: ago(40), weight: 1, error: { code: "timeout", message: "files.example did not answer within 10 s" } },
  again: { index: 4, name: "FetchPages, second try", role: "tool", parent: "research", status: "running", started_at: ago(38), weight: 1, tasks: ["Fetching 3 of 12"] },
  check: { index: 5, name: "FactChecker", role: "agent", status: "running", started_at: ago(20), weight: 1, percent: 10 },
  write: { index: 6, name: "Writer", role: "agent", status: "pending", weight: 2 },
  images: { index: 7, name: "Illustrator", role: "agent", status: "skipped", weight: 1, message: "No pictures were asked for" },
};

/** Amounts. */
export const COSTS: Readonly<Record<"whole" | "plain" | "budget" | "over" | "forecast_over" | "soft", CostDocument>> = {
  whole: { currency: "USD", spent: "6.21", reserved: "0.90", estimate: "12.40", forecast: "12.55", forecast_low: "12.01", forecast_high: "13.29", soft_budget: "10.00", budget: "15.00" },
  plain: { currency: "EUR", spent: "0.0042" },
  budget: { currency: "USD", spent: "3.10", estimate: "9.00", budget: "25.00" },
  over: { currency: "USD", spent: "16.40", reserved: "0.00", forecast: "16.40", forecast_low: "16.40", forecast_high: "16.40", budget: "15.00" },
  forecast_over: { currency: "USD", spent: "9.80", reserved: "0.40", forecast: "17.10", forecast_low: "15.40", forecast_high: "18.90", budget: "15.00" },
  soft: { currency: "CREDITS", spent: "11.00", forecast: "12.00", forecast_low: "11.50", forecast_high: "12.80", soft_budget: "10.00", budget: "15.00" },
};

/** A log with everything in it. */
export const EVENTS: readonly JobEvent[] = [
  log(1, "info", "Connected to crm.example", 60),
  log(2, "debug", "page=1 of 40", 58),
  log(3, "info", "Imported 250 leads", 40, { page: 10, rejected: 0 }),
  { type: "gap", job: "job_01", from: "0000000a-4", to: "0000000a-9", reason: "slow" },
  log(10, "warning", "The CRM is slow; requests wait", 20, { after_ms: 2_000, host: "crm.example" }),
  log(11, "error", "Lead 425 has no address and is skipped: https://crm.example/leads/425/with/a/very/long/path/that/does/not/break/anywhere", 2),
];

function log(offset: number, level: string, message: string, seconds: number, fields?: object): JobEvent {
  return { type: "event", job: "job_01", cursor: `0000000a-${offset}`, event: { type: "log", at: ago(seconds), level, message, ...(fields && { fields }) } };
}

/** Every state of a connection. */
export const CONNECTIONS: Readonly<Record<ConnectionState["state"] | "offline", ConnectionState>> = {
  idle: { tab: "alone", state: "idle" },
  connecting: { tab: "alone", state: "connecting", transport: "websocket" },
  live: { tab: "alone", state: "live", transport: "websocket" },
  waiting: { tab: "alone", state: "waiting", retryAt: NOW + 4_000, offline: false, reason: "the server is not reached" },
  offline: { tab: "alone", state: "waiting", retryAt: NOW + 4_000, offline: true, reason: "there is no network" },
  signed_out: { tab: "alone", state: "signed_out", reason: "token_expired" },
  refused: { tab: "alone", state: "refused", code: 4504, reason: "too many connections" },
};
