// What this page reads of a job's stream; the server sends more.

export interface Job {
  readonly id: string;
  readonly name?: string | null;
  readonly status: string;
  readonly message?: string | null;
  readonly progress?: { readonly percent?: number | null } | null;
}

export type Message =
  | { readonly type: "snapshot"; readonly cursor: string; readonly state: Job }
  | { readonly type: "update"; readonly cursor: string; readonly prev: string; readonly patch: unknown }
  | { readonly type: "end"; readonly cursor: string; readonly status: string }
  | { readonly type: "hello" | "subscribed" | "heartbeat" | "event" | "gap" | "error" | "closing" };

/** A job's document, and the position in its log that it shows. */
export interface Held {
  readonly cursor: string;
  readonly job: Job;
}

/** Whether a message can be folded: an update only onto the position that it was made from. */
export function fits(held: Held | undefined, message: Message): boolean {
  return message.type !== "update" || held?.cursor === message.prev;
}

/** What is held after a message that fits. */
export function fold(held: Held | undefined, message: Message): Held | undefined {
  switch (message.type) {
    case "snapshot":
      return { cursor: message.cursor, job: message.state };
    case "update":
      return held && { cursor: message.cursor, job: merge(held.job, message.patch) as Job };
    case "end":
      return held && { ...held, cursor: message.cursor };
    case "hello":
    case "subscribed":
    case "heartbeat":
    case "event":
    case "gap":
    case "error":
    case "closing":
      return held;
  }
}

/** A merge patch (RFC 7396), applied to a copy. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, merge(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
