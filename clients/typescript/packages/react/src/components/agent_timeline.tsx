"use client";
// Steps on an axis of time: which agent did what, when, inside of which.

import { useState, type KeyboardEvent, type ReactNode } from "react";

import { around, marks, newest, spanOf, type Span } from "../axis.ts";
import { useSession } from "../hooks/use_session.ts";
import { placed, type Steps } from "../steps.ts";
import { formatDuration } from "../format/times.ts";
import { useNow } from "../watch/ticker.ts";
import { useLanguage } from "../words/context.tsx";
import { percent } from "./bar.tsx";
import { classes, type Styled } from "./classes.ts";
import { TimelineRow } from "./timeline_row.tsx";

interface Shown extends Styled {
  /** The time, in milliseconds since 1970, to show steps as they were; the present unless said. */
  readonly now?: number | undefined;
  /** What the steps are of; `Steps` unless said. */
  readonly label?: string | undefined;
  readonly locale?: string | undefined;
}

/** A job's steps, or the session whose steps are watched. */
export type AgentTimelineProps = Shown &
  ({ readonly steps: Steps | undefined; readonly session?: undefined } | { readonly session: string; readonly steps?: undefined });

/** Steps on an axis of time. Arrows move between them and open them. */
export function AgentTimeline(props: AgentTimelineProps): ReactNode {
  if (props.session === undefined) return <Timeline {...props} steps={props.steps ?? {}} />;
  return <LiveTimeline {...props} />;
}

function LiveTimeline({ session, ...shown }: Shown & { readonly session: string }): ReactNode {
  const steps = useSession(session, { select: (known) => known.steps, isEqual: sameSteps });
  return <Timeline {...shown} steps={steps} />;
}

function Timeline({ steps, now: given, label, locale, className }: Shown & { readonly steps: Steps }): ReactNode {
  const language = useLanguage(locale);
  const rows = placed(steps);
  const running = rows.some(({ step }) => step.status === "running");
  const ticking = useNow(given === undefined && running);
  const latest = newest(steps) ?? 0;
  // A clock that is behind the server's ends nothing before it has begun.
  const now = given ?? Math.max(latest, ticking ?? latest);
  const span = around(rows.map(({ step }) => spanOf(step, now)).filter((one) => one !== undefined));
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const [chosen, setChosen] = useState<string | undefined>(undefined);
  const focusable = rows.some(({ key }) => key === chosen) ? chosen : rows[0]?.key;
  const toggle = (key: string, wanted: boolean): void => {
    setOpen((before) => (wanted ? new Set([...before, key]) : new Set([...before].filter((one) => one !== key))));
  };

  return (
    <section className={classes("headway", "headway-timeline", className)} aria-label={label ?? language.words.steps}>
      {rows.length === 0 && <p className="headway-empty">{language.words.noSteps}</p>}
      {span && <Axis span={span} locale={language.locale} />}
      <ol
        className="headway-timeline-rows"
        onKeyDown={(event) => {
          move(event, open, toggle);
        }}
      >
        {rows.map(({ key, step, depth }) => (
          <TimelineRow
            key={key}
            name={key}
            step={step}
            depth={depth}
            inside={typeof step.parent === "string" ? steps[step.parent]?.name : undefined}
            own={spanOf(step, now)}
            span={span}
            open={open.has(key)}
            focusable={key === focusable}
            language={language}
            onToggle={() => {
              toggle(key, !open.has(key));
            }}
            onFocus={() => {
              setChosen(key);
            }}
          />
        ))}
      </ol>
    </section>
  );
}

function Axis({ span, locale }: { readonly span: Span; readonly locale: string }): ReactNode {
  const length = Math.max(1, span.to - span.from);
  return (
    <svg className="headway-timeline-axis" width="100%" height="16" aria-hidden="true" focusable="false">
      {marks(span).map((at, place) => (
        <text key={at} x={percent(at / length)} y="12" data-place={place === 0 ? "first" : at / length > 0.92 ? "last" : "between"}>
          {at === 0 ? "0" : formatDuration(at, { locale, round: true })}
        </text>
      ))}
    </svg>
  );
}

/** Arrows: up and down between rows, forward opens, back closes or goes to the step that this one is inside of. */
function move(event: KeyboardEvent<HTMLElement>, open: ReadonlySet<string>, toggle: (key: string, wanted: boolean) => void): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("[data-step]")];
  const place = rows.findIndex((row) => row === event.target);
  const row = rows[place];
  const key = row?.dataset["step"];
  if (row === undefined || key === undefined) return;
  const depth = Number(row.dataset["depth"]);
  const rightToLeft = getComputedStyle(row).direction === "rtl";
  const go = (to: HTMLElement | undefined): void => {
    to?.focus();
  };
  switch (event.key) {
    case "ArrowDown":
      go(rows[place + 1]);
      break;
    case "ArrowUp":
      go(rows[place - 1]);
      break;
    case "Home":
      go(rows[0]);
      break;
    case "End":
      go(rows.at(-1));
      break;
    case rightToLeft ? "ArrowLeft" : "ArrowRight":
      toggle(key, true);
      break;
    case rightToLeft ? "ArrowRight" : "ArrowLeft":
      if (open.has(key)) toggle(key, false);
      else go(rows.slice(0, place).reverse().find((before) => Number(before.dataset["depth"]) < depth));
      break;
    default:
      return;
  }
  event.preventDefault();
}

function sameSteps(one: Steps, other: Steps): boolean {
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
