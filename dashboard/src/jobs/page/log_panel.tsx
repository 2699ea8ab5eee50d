// What a job has logged: from a level on, with what is looked for.

import { useMemo, useState } from "react";
import type { LogLevel } from "@headway/client";
import { formatCount, JobLog } from "@headway/react";

import { Input } from "../../design/field.tsx";
import { Segments, type Segment } from "../../design/segments.tsx";
import { brief } from "./event_words.ts";
import type { PastEvent } from "./history.ts";

const LEVELS: readonly Segment<LogLevel>[] = [
  { value: "debug", label: "All" }, { value: "info", label: "Info" }, { value: "warning", label: "Warnings" }, { value: "error", label: "Errors" },
];
const ORDER: readonly unknown[] = ["debug", "info", "warning", "error"];
/** Lines that are drawn: the newest. */
const DRAWN = 2000;

export function LogPanel({ events }: { readonly events: readonly PastEvent[] }) {
  const [level, setLevel] = useState<LogLevel>("debug");
  const [words, setWords] = useState("");
  const lines = useMemo(() => {
    const least = ORDER.indexOf(level);
    const sought = words.trim().toLowerCase();
    return events.filter((event) => {
      if (event.type === "gap") return true;
      if (event.type !== "log") return false;
      const place = ORDER.indexOf(event["level"]);
      if ((place < 0 ? 1 : place) < least) return false;
      return sought === "" || `${brief(event["message"], 4000)} ${brief(event["fields"], 4000)}`.toLowerCase().includes(sought);
    });
  }, [events, level, words]);
  return (
    <>
      <div className="panel-tools">
        <Segments label="Least level" segments={LEVELS} value={level} onChange={setLevel} />
        <div className="log-search"><Input type="search" aria-label="Search the log" placeholder="Search the log" value={words} onChange={(event) => { setWords(event.target.value); }} /></div>
        <span className="panel-tools__end" role="status">{lines.length > DRAWN ? `the newest ${formatCount(DRAWN)} of ${formatCount(lines.length)} lines` : lines.length === 1 ? "1 line" : `${formatCount(lines.length)} lines`}</span>
      </div>
      <JobLog events={lines} limit={DRAWN} />
    </>
  );
}
