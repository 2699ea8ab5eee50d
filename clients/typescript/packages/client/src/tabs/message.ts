// What tabs say to each other. They are of one origin and of one identity, and still nothing is taken on
// trust: another version of this code, or another script, may speak on the channel.

import { isObject } from "../document/json.ts";
import { readFrame, type Frame } from "../protocol/frame.ts";
import type { ClientMessage } from "../protocol/generated/contract.ts";
import type { Link } from "../session/connection.ts";
import type { StreamFrame } from "../session/stream.ts";

/** What a follower asks for, in the words of the stream; `event` is the position up to which it has seen events. */
export type Asked = Extract<ClientMessage, { type: "subscribe" | "unsubscribe" }> & { readonly event?: string | undefined };

/** One message, to all who listen; `to` names the only one who is meant. */
export type Message = { readonly from: string; readonly term: number } & (
  | { readonly type: "hello" }
  /** It is not there any more; `to`: it is, and does not lead, as whoever is meant had thought. */
  | { readonly type: "bye"; readonly to?: string | undefined }
  /** `look`: a command was taken, or somebody looks, so that what has ended may be another by now. */
  | { readonly type: "ping" | "resume" | "look"; readonly to: string }
  /** `anew`: whatever was asked for before is no longer meant; `round` counts how often that was. */
  | { readonly type: "ask"; readonly to: string; readonly anew: boolean; readonly round?: number | undefined; readonly messages: readonly Asked[] }
  | Told
);

/** What a leader says: `number` counts up by one, so that whoever misses something sees it. */
export type Told = { readonly number: number } & (
  | { readonly type: "lead"; readonly link: Link }
  | { readonly type: "pong" }
  /** `round`: that of the question, where it is answered at once. */
  | { readonly type: "answer"; readonly to: string; readonly round?: number | undefined; readonly frames: readonly StreamFrame[] }
  | { readonly type: "tell"; readonly frame: StreamFrame }
);

const NEEDED: Readonly<Record<Message["type"], Readonly<Record<string, "string" | "number" | "boolean" | "object">>>> = {
  hello: {},
  bye: {},
  ping: { to: "string" },
  resume: { to: "string" },
  look: { to: "string" },
  ask: { to: "string", anew: "boolean", messages: "object" },
  lead: { number: "number", link: "object" },
  pong: { number: "number" },
  answer: { number: "number", to: "string", frames: "object" },
  tell: { number: "number", frame: "object" },
};

/** The state of a link, and what else it must have. */
const LINK: Readonly<Record<Link["state"], readonly string[]>> = {
  idle: [],
  connecting: ["transport"],
  live: ["transport"],
  waiting: ["retryAt", "offline", "reason"],
  signed_out: ["reason"],
  refused: ["code", "reason"],
};

/** A message; `undefined` when it is none. */
export function readMessage(value: unknown): Message | undefined {
  if (!isObject(value)) return undefined;
  const { type, from, term } = value as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || !Object.hasOwn(NEEDED, type) || typeof from !== "string" || typeof term !== "number") return undefined;
  for (const [member, wanted] of Object.entries(NEEDED[type as Message["type"]])) {
    const found = value[member];
    if (typeof found !== wanted || found === null) return undefined;
  }
  const message = value as unknown as Message;
  switch (message.type) {
    case "ask":
      return list(message.messages) && message.messages.every(isAsked) ? message : undefined;
    case "answer":
      return list(message.frames) && message.frames.every(isStreamFrame) ? message : undefined;
    case "tell":
      return isStreamFrame(message.frame) ? message : undefined;
    case "lead":
      return isLink(message.link) ? message : undefined;
    case "hello":
    case "bye":
    case "ping":
    case "resume":
    case "look":
    case "pong":
      return message;
  }
}

function list(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isAsked(value: unknown): value is Asked {
  if (!isObject(value) || typeof value["id"] !== "string") return false;
  if (value["type"] === "unsubscribe") return true;
  const chosen = ["job", "session", "tag"].filter((word) => typeof value[word] === "string").length + (value["all"] === true ? 1 : 0);
  return value["type"] === "subscribe" && chosen === 1;
}

const STREAM: ReadonlySet<Frame["type"]> = new Set<StreamFrame["type"]>(["snapshot", "update", "event", "gap", "end", "subscribed", "error"]);

function isStreamFrame(value: unknown): value is StreamFrame {
  const frame = readFrame(value);
  return frame !== undefined && STREAM.has(frame.type);
}

function isLink(value: unknown): value is Link {
  if (!isObject(value) || typeof value["state"] !== "string" || !Object.hasOwn(LINK, value["state"])) return false;
  return LINK[value["state"] as Link["state"]].every((member) => Object.hasOwn(value, member));
}
