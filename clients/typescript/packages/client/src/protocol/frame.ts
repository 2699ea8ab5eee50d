// The stream's frames, read as far as a watcher needs them.

import { isObject } from "../document/json.ts";
import type { ServerMessage } from "./generated/contract.ts";

/** A frame of the server. */
export type Frame = ServerMessage;

/** Members without which a frame of its type means nothing, and their types. */
const NEEDED: Readonly<Record<Frame["type"], Readonly<Record<string, "string" | "number" | "object" | "boolean">>>> = {
  hello: { heartbeat_ms: "number" },
  subscribed: { id: "string", recovered: "boolean" },
  snapshot: { job: "string", cursor: "string", state: "object" },
  update: { job: "string", cursor: "string", prev: "string" },
  event: { job: "string", cursor: "string", event: "object" },
  gap: { job: "string", from: "string", to: "string", reason: "string" },
  end: { job: "string", cursor: "string", status: "string" },
  heartbeat: {},
  result: { id: "string" },
  error: { code: "string", message: "string" },
  pong: {},
  closing: { reason: "string", retry_ms: "number" },
  unknown: {},
};

/**
 * A frame of a parsed message. One of a type that this version does not know is `unknown`, to be
 * passed over; `undefined` is no frame at all. Members that are not known stay where they are.
 */
export function readFrame(message: unknown): Frame | undefined {
  if (!isObject(message) || typeof message["type"] !== "string") return undefined;
  if (!Object.hasOwn(NEEDED, message["type"])) return { type: "unknown" };
  const needed = NEEDED[message["type"] as Frame["type"]];
  for (const [member, type] of Object.entries(needed)) {
    const value = message[member];
    if (typeof value !== type || value === null) return undefined;
  }
  return message as unknown as Frame;
}
