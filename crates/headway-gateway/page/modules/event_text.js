// One event of a job's history in words.

import { brief, money, tenth, whole } from "./format.js";
import { STATUS } from "./status.js";

/** A result that only counts, such as a batch's: `36 succeeded, 4 failed`. */
function counts(result) {
  const entries = Object.entries(result ?? {});
  if (typeof result !== "object" || !entries.length || !entries.every(([, value]) => Number.isInteger(value))) return null;
  return entries.filter(([, value]) => value !== 0).map(([name, value]) => `${whole.format(value)} ${name}`).join(", ");
}

/** What happened and in which tone; `null` for an event that says nothing to people. */
export function describe(event) {
  const error = (fault) => fault?.message ?? fault?.code ?? "";
  switch (event.type) {
    case "log": return [event.message, event.level === "error" ? "bad" : event.level === "warning" ? "warn" : ""];
    case "created": return [`as ${event.status}`];
    case "progress": {
      const amount = event.percent != null ? `${tenth.format(event.percent)} %` : event.done != null ? `${whole.format(event.done)}${event.total != null ? ` of ${whole.format(event.total)}` : ""}` : "";
      return [[amount, event.phase, event.message].filter(Boolean).join(" · ")];
    }
    case "phase": return [event.name, "running"];
    case "step_start": return [event.name ?? event.step, "running"];
    case "step_update": return [[event.step, event.percent != null ? `${tenth.format(event.percent)} %` : "", event.message, event.tasks?.join(", ")].filter(Boolean).join(" · ")];
    case "step_finish": return [[event.step, event.status, error(event.error)].filter(Boolean).join(" · "), STATUS[event.status]?.tone];
    case "partial": return [`${event.name}: ${brief(event.data, 240)}`];
    case "cost": return [`${event.amount}${event.sku ? ` for ${event.sku}` : ""}`];
    case "priced": return [`${money(event.amount, event.currency)} for ${event.usage?.sku ?? "usage"}`];
    case "usage": return [brief({ ...event, type: undefined, at: undefined })];
    case "queued": return [event.items ? `${whole.format(event.items.total)} items${event.items.invalid ? `, ${whole.format(event.items.invalid)} of them unreadable` : ""}` : ""];
    case "requested": return [event.action, "warn"];
    case "withdrawn": return [`${event.action}: nobody carried it out in time`, "warn"];
    case "stopping": return [error(event.reason), "warn"];
    case "paused": return [error(event.reason), "warn"];
    case "resumed": return [event.budget ? `with a budget of ${event.budget}` : "", "running"];
    case "cancelled": return [error(event.reason), "warn"];
    case "retried": return [`attempt ${event.attempt}`, "running"];
    case "budget_warning": return [`${tenth.format(event.percent)} % of the ${event.soft ? "soft " : ""}budget of ${event.budget} is committed`, "warn"];
    case "items": {
      const count = (ranges) => (ranges ?? []).reduce((sum, [from, to]) => sum + to - from + 1, 0);
      const succeeded = count(event.succeeded);
      const parts = [];
      if (succeeded) parts.push(`${whole.format(succeeded)} succeeded`);
      for (const failed of event.failed ?? []) parts.push(`item ${failed.custom_id ?? failed.index} ${failed.status}: ${error(failed.error)}`);
      for (const again of event.retried ?? []) parts.push(`item ${again.custom_id ?? again.index} is tried again: ${error(again.error)}`);
      if (event.cancelled) parts.push(`${whole.format(event.cancelled)} cancelled`);
      if (event.expired) parts.push(`${whole.format(event.expired)} expired`);
      if (!parts.length) return null;
      return [parts.join("\n"), event.failed?.length ? "bad" : event.retried?.length ? "warn" : ""];
    }
    case "complete": return [counts(event.result) ?? brief(event.result, 240), "good"];
    case "fail": return [error(event.error), "bad"];
    case "stalled": return ["its worker is silent", "warn"];
    case "start": case "expired": case "ack": return [event.command ?? ""];
    default: return [brief({ ...event, type: undefined, at: undefined, producer: undefined })];
  }
}
