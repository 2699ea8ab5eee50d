// One event of a job's history in words.

import { formatAmount, formatCount, formatPercent } from "@headway/react";

import type { Tone } from "../../design/tone.ts";
import type { PastEvent } from "./history.ts";

/** What happened, and how it feels; `undefined` for what says nothing to people. */
export interface EventWords {
  readonly what: string;
  readonly text: string;
  readonly tone: Tone;
}

type Members = Readonly<Record<string, unknown>>;

export function describeEvent(event: PastEvent): EventWords | undefined {
  const type = typeof event.type === "string" ? event.type : "event";
  const said = words(type, event);
  if (said === undefined) return undefined;
  const [text, tone = "idle"] = said;
  return { what: type.replaceAll("_", " "), text, tone };
}

function words(type: string, event: Members): readonly [string, Tone?] | undefined {
  switch (type) {
    case "gap": return ["Some events are no longer kept here.", "warn"];
    case "created": return [`as ${text(event["status"])}`];
    case "log": return [text(event["message"]), event["level"] === "error" ? "bad" : event["level"] === "warning" ? "warn" : "idle"];
    case "progress": return [joined(percent(event["percent"]) || share(event), event["phase"], event["message"]) || "metadata"];
    case "phase": return [text(event["name"]), "running"];
    case "step_start": return [text(event["name"] ?? event["step"]), "running"];
    case "step_update": return [joined(event["step"], percent(event["percent"]), event["message"], list(event["tasks"]))];
    case "step_finish": return [joined(event["step"], event["status"], error(event["error"])), event["status"] === "failed" ? "bad" : event["status"] === "completed" ? "good" : "idle"];
    case "partial": return [`${text(event["name"])}: ${brief(event["data"])}`];
    case "cost": return [joined(text(event["amount"]), event["sku"])];
    case "priced": return [`${formatAmount(text(event["amount"]), text(event["currency"]))}${sku(event["usage"])}`];
    case "queued": return [items(event["items"])];
    case "requested": return [joined(`${text(event["action"])} was asked for`, error(event["reason"])), "warn"];
    case "withdrawn": return [`${text(event["action"])}: nobody carried it out in time`, "warn"];
    case "stopping":
    case "paused":
    case "cancelled": return [error(event["reason"]), "warn"];
    case "resumed": return [event["budget"] === undefined ? "" : `with a budget of ${text(event["budget"])}`, "running"];
    case "retried": return [`attempt ${text(event["attempt"])}`, "running"];
    case "budget_warning": return [`${percent(event["percent"])} of the budget of ${text(event["budget"])} is committed`, "warn"];
    case "items": {
      const found = itemsWords(event);
      return found === "" ? undefined : [found, Array.isArray(event["failed"]) && event["failed"].length > 0 ? "bad" : "idle"];
    }
    case "complete": return [brief(event["result"]), "good"];
    case "fail": return [error(event["error"]), "bad"];
    case "stalled": return ["its worker is silent", "warn"];
    case "start": return ["", "running"];
    case "ack": return [text(event["command"])];
    default: return [brief(Object.fromEntries(Object.entries(event).filter(([name]) => !["type", "at", "cursor", "producer"].includes(name))))];
  }
}

function itemsWords(event: Members): string {
  const ranges = Array.isArray(event["succeeded"]) ? (event["succeeded"] as unknown[]) : [];
  const succeeded = ranges.reduce<number>((sum, range) => (Array.isArray(range) ? sum + Number(range[1]) - Number(range[0]) + 1 : sum), 0);
  const named = (name: string, said: (item: Members) => string): string[] => (Array.isArray(event[name]) ? (event[name] as Members[]).map(said) : []);
  const who = (item: Members): string => text(item["custom_id"] ?? item["index"]);
  return [
    succeeded > 0 ? `${formatCount(succeeded)} succeeded` : "",
    ...named("failed", (item) => `item ${who(item)} ${text(item["status"])}: ${error(item["error"])}`),
    ...named("retried", (item) => `item ${who(item)} is tried again: ${error(item["error"])}`),
    count(event["cancelled"], "cancelled"),
    count(event["expired"], "expired"),
  ].filter((part) => part !== "").join("\n");
}

function count(value: unknown, what: string): string {
  return typeof value === "number" && value > 0 ? `${formatCount(value)} ${what}` : "";
}

function items(value: unknown): string {
  if (!isMembers(value)) return "";
  return joined(count(value["total"], "items"), count(value["invalid"], "of them unreadable"));
}

function sku(usage: unknown): string {
  return isMembers(usage) && typeof usage["sku"] === "string" ? ` for ${usage["sku"]}` : "";
}

function share(event: Members): string {
  if (typeof event["done"] !== "number") return "";
  return formatCount(event["done"]) + (typeof event["total"] === "number" ? ` of ${formatCount(event["total"])}` : "");
}

function percent(value: unknown): string {
  return typeof value === "number" ? formatPercent(value) : "";
}

function error(value: unknown): string {
  return isMembers(value) ? text(value["message"] ?? value["code"]) : "";
}

function list(value: unknown): string {
  return Array.isArray(value) ? value.map(text).join(", ") : "";
}

function joined(...parts: readonly unknown[]): string {
  return parts.map(text).filter((part) => part !== "").join(" · ");
}

function text(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : brief(value);
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value on one line. */
export function brief(value: unknown, length = 240): string {
  if (value === undefined || value === null) return "";
  const whole = typeof value === "string" ? value : JSON.stringify(value);
  return whole.length > length ? `${whole.slice(0, length - 1)}…` : whole;
}
