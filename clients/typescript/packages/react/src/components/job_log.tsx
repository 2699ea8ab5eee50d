"use client";
// A job's log, which follows its end unless somebody reads further up.

import { memo, useEffect, useMemo, useRef, useState, type ReactNode } from "react";

import { formatTime } from "../format/times.ts";
import { useJobEvents } from "../hooks/use_job_events.ts";
import { linesOf, type LogEvent, type LogLine } from "../log_lines.ts";
import { useLanguage, type Language } from "../words/context.tsx";
import { classes, type Styled } from "./classes.ts";

interface Shown extends Styled {
  /** How many of the newest lines are shown; 1,000 unless said. */
  readonly limit?: number | undefined;
  /** Whose log it is; `Log` unless said. */
  readonly label?: string | undefined;
  readonly locale?: string | undefined;
}

/** Events, or the id of a job whose log is watched from now on. */
export type JobLogProps = Shown &
  ({ readonly events: readonly LogEvent[]; readonly id?: undefined } | { readonly id: string; readonly events?: undefined });

const LIMIT = 1_000;
const LOGGED = ["log"] as const;
/** So many pixels above the end still count as its end: places are fractions on some screens. */
const NEARLY = 8;

/** A job's log. */
export function JobLog(props: JobLogProps): ReactNode {
  if (props.events === undefined) return <LiveLog {...props} />;
  return <Lines {...props} />;
}

function LiveLog({ id, ...shown }: Shown & { readonly id: string }): ReactNode {
  const { events } = useJobEvents(id, { types: LOGGED, limit: shown.limit ?? LIMIT });
  return <Lines {...shown} events={events} />;
}

function Lines({ events, limit = LIMIT, label, locale, className }: Shown & { readonly events: readonly LogEvent[] }): ReactNode {
  const language = useLanguage(locale);
  const { words } = language;
  const lines = useMemo(() => linesOf(events, limit), [events, limit]);
  const box = useRef<HTMLDivElement>(null);
  const [follows, setFollows] = useState(true);
  useEffect(() => {
    if (follows && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [follows, lines]);
  return (
    <div className={classes("headway", "headway-log", className)}>
      <div
        ref={box}
        className="headway-log-lines"
        role="log"
        aria-label={label ?? words.log}
        aria-live="off"
        // What scrolls has to be reached without a mouse.
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          setFollows(scrollHeight - scrollTop - clientHeight <= NEARLY);
        }}
      >
        {lines.length === 0 && <p className="headway-empty">{words.noLog}</p>}
        {lines.map((line) => (
          <Line key={line.key} line={line} language={language} />
        ))}
      </div>
      {!follows && (
        <button
          type="button"
          className="headway-button headway-log-end"
          onClick={() => {
            setFollows(true);
          }}
        >
          {words.toNewest}
        </button>
      )}
    </div>
  );
}

const Line = memo(function Line({ line, language }: { readonly line: LogLine; readonly language: Language }): ReactNode {
  const { words, locale, timeZone } = language;
  if (line.type === "missing") return <p className="headway-log-missing">{words.missing}</p>;
  const { at, level, message, fields } = line;
  return (
    <div className="headway-log-line" data-level={level}>
      {at !== undefined && (
        <time className="headway-number" dateTime={at} title={formatTime(at, { locale, timeZone, show: "all" })}>
          {formatTime(at, { locale, timeZone, show: "time" })}
        </time>
      )}
      <span className="headway-log-level">{words.level[level]}</span>
      <span className="headway-log-message">
        {message}
        {fields.map(([name, value]) => (
          <span key={name} className="headway-log-field">
            <span>{name}</span>={value}
          </span>
        ))}
      </span>
    </div>
  );
}, (before, after) => before.line.key === after.line.key && before.language === after.language);
