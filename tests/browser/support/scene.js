// A day's work as an operator sees it: jobs of several kinds and states, a conversation of agents,
// and a batch in its middle.

import { openAsBlob } from "node:fs";
import { join } from "node:path";

import { EXAMPLE } from "./server.js";

/** Jobs that need no more than their reports, oldest first. */
const JOBS = [
  ["job_search_index", { kind: "index", name: "Rebuild the search index", tags: ["nightly"], total: 48_210, unit: "documents" }, [
    { type: "start" }, { type: "progress", done: 48_210 }, { type: "complete", result: { documents: 48_210, skipped: 3 } },
  ]],
  ["job_invoices", { kind: "sync", name: "Sync invoices to the ledger", tags: ["finance"], total: 1_200, unit: "invoices" }, [
    { type: "start" }, { type: "progress", done: 412, message: "Posting invoice 412" },
    { type: "log", level: "error", message: "The ledger did not answer for 30 s" },
    { type: "fail", error: { code: "ledger_timeout", message: "the ledger did not answer within 30 s", retryable: true } },
  ]],
  ["job_export_eu", { kind: "export", name: "Export of European customers", tags: ["finance", "eu"], total: 9_000, unit: "rows" }, [
    { type: "start" }, { type: "progress", done: 2_750 },
  ]],
  ["job_keynote", { kind: "transcode", name: "Transcode the keynote", tags: ["media"], stall_after_ms: 1_000, total: 5_400, unit: "s" }, [
    { type: "start" }, { type: "progress", done: 1_730, message: "1080p, second pass" },
  ]],
  ["job_help_centre", { kind: "translate", name: "Translate the help centre into German", tags: ["docs"], total: 320, unit: "articles" }, [
    { type: "start" }, { type: "progress", done: 85, message: "Article 85: Billing" },
  ]],
  ["job_tickets", { kind: "embed", name: "Embed support tickets", session: "support-nightly", tags: ["nightly", "support"], total: 15_000, unit: "tickets" }, [
    { type: "start" }, { type: "progress", done: 15_000 }, { type: "complete", result: { tickets: 15_000, dimensions: 1_024 } },
  ]],
  ["job_backup", { kind: "backup", name: "Weekly backup", tags: ["operations"] }, []],
  ["job_leads", { kind: "import", name: "Nightly lead import", session: "crm-nightly", tags: ["nightly", "crm"], total: 12_400, unit: "leads" }, [
    { type: "start" }, { type: "progress", done: 7_936, message: "Scoring lead 7,936", phase: "Scoring" },
    { type: "log", level: "info", message: "Read 12,400 leads from the CRM" },
  ]],
];

/** What a brief is made of: declared, so that its percent is of the whole. */
const STEPS = {
  plan: { name: "Planner", role: "agent", weight: 1 },
  research: { name: "Researcher", role: "agent", weight: 3 },
  sales: { name: "Sales reader", role: "agent", parent: "research" },
  weather: { name: "Weather reader", role: "agent", parent: "research" },
  write: { name: "Writer", role: "agent", weight: 2 },
};

/** A brief that agents write together. */
const BRIEF = [
  { type: "start" },
  { type: "step_start", step: "plan", name: "Planner", role: "agent", tasks: ["Break the question down"] },
  { type: "log", level: "info", message: "Question: which regions will need more stock this winter?" },
  { type: "step_update", step: "plan", percent: 60 },
  { type: "cost", amount: "0.021", sku: "model" },
  { type: "step_finish", step: "plan", status: "completed" },
  { type: "step_start", step: "research", name: "Researcher", role: "agent", tasks: ["Sales of three winters", "Weather forecasts", "Suppliers' lead times"], weight: 3 },
  { type: "step_start", step: "sales", name: "Sales reader", role: "agent", parent: "research", tasks: ["Query the warehouse"] },
  { type: "log", level: "info", message: "Warehouse: 36 months, 14 regions", fields: { rows: 184_310, ms: 2_140 } },
  { type: "step_finish", step: "sales", status: "completed" },
  { type: "step_start", step: "weather", name: "Weather reader", role: "agent", parent: "research", tasks: ["Seasonal outlook"] },
  { type: "log", level: "warning", message: "The seasonal outlook for two regions is from October" },
  { type: "cost", amount: "0.134", sku: "model" },
  { type: "step_update", step: "weather", percent: 70, message: "12 of 14 regions" },
  { type: "partial", name: "regions", data: { north: "+18 %", coast: "+6 %", south: "-2 %" } },
  { type: "step_update", step: "research", percent: 55 },
  { type: "step_start", step: "write", name: "Writer", role: "agent", tasks: ["Outline"], weight: 2 },
  { type: "log", level: "info", message: "Outline: five sections" },
  { type: "step_update", step: "write", percent: 20 },
  { type: "cost", amount: "0.058", sku: "model" },
  { type: "progress", message: "Comparing outlook and stock for the northern regions" },
];

/** Lines of the list of airports that a batch takes for each of its items. */
export const airports = () => openAsBlob(join(EXAMPLE, "airports.csv"));

/** Makes the scene on a server that has the example's kind. The batch runs on; what is given is its document. */
export async function makeScene(server, { batch = true } = {}) {
  for (const [id, about, reports] of JOBS) {
    await server.job(id, about);
    if (reports.length > 0) await server.report(id, reports);
  }
  await server.request("/api/v1/jobs/job_export_eu/cancel", { method: "POST" });
  await server.report("job_export_eu", { type: "ack", command: "cancel" });
  await server.request("/api/v1/jobs/job_help_centre/pause", { method: "POST" });
  await server.report("job_help_centre", { type: "ack", command: "pause" });
  const brief = { kind: "research", name: "Stock for the winter: a brief", session: "planning-7", tags: ["planning"], metadata: { asked_by: "maya", regions: 14 }, steps: STEPS, budget: { max_budget: "2.00" } };
  await server.job("job_brief", brief);
  for (const event of BRIEF) await server.report("job_brief", event);
  return batch ? submitAirports(server, { name: "Round trips between airports", tags: ["example"] }) : undefined;
}

/** Uploads the list of airports, as `headway batch run` does. */
export async function submitAirports(server, options = {}) {
  const form = new FormData();
  form.append("options", new Blob([JSON.stringify({ kind: "round-trips", ...options })], { type: "application/json" }));
  form.append("file", await airports(), "airports.csv");
  return server.request("/api/v1/batches", { method: "POST", form });
}
