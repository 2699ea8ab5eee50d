// Lines of a job's log, out of what a stream or a history brings.

import type { Happened, HistoryEvent, JobEvent, LogLevel } from "@headway/client";

/** An event of a stream (`useJobEvents`) or of a history (`jobs.events`). */
export type LogEvent = JobEvent | HistoryEvent;

/** A line of a log, or the place where some are missing. */
export type LogLine =
  | { readonly type: "missing"; readonly key: string }
  | {
      readonly type: "line";
      readonly key: string;
      readonly at: string | undefined;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: readonly (readonly [name: string, value: string])[];
    };

const LEVELS: ReadonlySet<unknown> = new Set<LogLevel>(["debug", "info", "warning", "error"]);

/** The newest lines, oldest first, at most `most`; events of other types are passed over. */
export function linesOf(events: readonly LogEvent[], most: number): readonly LogLine[] {
  const lines: LogLine[] = [];
  // Events of one record have one position: their keys are told apart by a number.
  const seen = new Map<string, number>();
  const named = (cursor: string): string => {
    const times = seen.get(cursor) ?? 0;
    seen.set(cursor, times + 1);
    return times === 0 ? cursor : `${cursor}.${times}`;
  };
  // What a history has told, a stream that began meanwhile does not tell again.
  const told = new Set(events.filter((event) => !isOfStream(event)).map((event) => (event as HistoryEvent).cursor));
  for (const event of events) {
    if (event.type === "event" && told.has((event as Happened).cursor)) continue;
    const line = lineOf(event, named);
    if (line !== undefined) lines.push(line);
  }
  return lines.length > most ? lines.slice(lines.length - most) : lines;
}

/** Whether it came as a frame. An event of a history has its type from its producer, where neither word is one. */
function isOfStream({ type }: LogEvent): boolean {
  return type === "event" || type === "gap";
}

function lineOf(event: LogEvent, named: (cursor: string) => string): LogLine | undefined {
  const { type, cursor, to, event: inside } = event as Readonly<Record<string, unknown>>;
  if (type === "gap") return { type: "missing", key: named(`gap-${String(to)}`) };
  const happened = (type === "event" ? inside : event) as Readonly<Record<string, unknown>>;
  if (happened["type"] !== "log") return undefined;
  const { at, level, message, fields } = happened;
  return {
    type: "line",
    key: named(String(cursor)),
    at: typeof at === "string" ? at : undefined,
    level: LEVELS.has(level) ? (level as LogLevel) : "info",
    message: say(message),
    fields: typeof fields === "object" && fields !== null ? Object.entries(fields).map(([name, value]) => [name, say(value)] as const) : [],
  };
}

function say(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined ? "" : JSON.stringify(value);
}
