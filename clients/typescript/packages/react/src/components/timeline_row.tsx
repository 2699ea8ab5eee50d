"use client";
// One step of a timeline, and what is told of it when it is open.

import { useId, type ReactNode } from "react";

import { marks, type Span } from "../axis.ts";
import { formatPercent } from "../format/numbers.ts";
import { formatDuration, formatTime } from "../format/times.ts";
import { signOf } from "../signs.ts";
import type { StepDocument } from "../steps.ts";
import type { Language } from "../words/context.tsx";
import { percent } from "./bar.tsx";
import { Icon } from "./icon.tsx";

interface TimelineRowProps {
  readonly name: string;
  readonly step: StepDocument;
  readonly depth: number;
  /** The step that it is inside of, as people call it. */
  readonly inside: string | undefined;
  /** When it ran. */
  readonly own: Span | undefined;
  /** The stretch of the whole timeline. */
  readonly span: Span | undefined;
  readonly open: boolean;
  readonly focusable: boolean;
  readonly language: Language;
  readonly onToggle: () => void;
  readonly onFocus: () => void;
}

/** The deepest level that is still moved in. */
const DEEPEST = 6;
/** What is shorter is drawn so long, to be seen. */
const SHORTEST = 0.004;

export function TimelineRow({ name, step, depth, inside, own, span, open, focusable, language, onToggle, onFocus }: TimelineRowProps): ReactNode {
  const { words, locale } = language;
  const details = useId();
  const took = own === undefined ? "" : formatDuration(own.to - own.from, { locale });
  const share = step.status === "running" && typeof step.percent === "number" ? formatPercent(step.percent, { locale }) : "";
  const tasks = step.status === "running" ? (step.tasks ?? []).join(", ") : "";
  const busy = tasks === "" ? (step.error?.message ?? step.message ?? "") : tasks;
  return (
    <li className="headway-step" data-status={step.status}>
      <button
        type="button"
        className="headway-step-row"
        data-step={name}
        data-depth={Math.min(depth, DEEPEST)}
        aria-expanded={open}
        aria-controls={open ? details : undefined}
        tabIndex={focusable ? 0 : -1}
        onClick={onToggle}
        onFocus={onFocus}
      >
        <span className="headway-step-what">
          <Icon sign={signOf(step.status)} />
          <span className="headway-step-name">{step.name}</span>
          {inside !== undefined && <Pause>{words.inside(inside)}</Pause>}
          <Pause />
          <span className="headway-step-status">{words.step[step.status]}</span>
          {busy !== "" && <Pause />}
          {busy !== "" && <span className="headway-step-busy">{busy}</span>}
        </span>
        <Lane step={step} own={own} span={span} />
        {took !== "" && <Pause />}
        <span className="headway-step-took headway-number">
          {took}
          {share !== "" && <Pause />}
          {share !== "" && <span className="headway-step-share">{share}</span>}
        </span>
      </button>
      {open && <Details id={details} step={step} language={language} took={took} />}
    </li>
  );
}

/** What stands in columns is read as a sentence. */
function Pause({ children }: { readonly children?: string }): ReactNode {
  return <span className="headway-unseen">{children === undefined ? ", " : `, ${children}`}</span>;
}

function Lane({ step, own, span }: Pick<TimelineRowProps, "step" | "own" | "span">): ReactNode {
  const length = span === undefined ? 1 : Math.max(1, span.to - span.from);
  const from = own === undefined || span === undefined ? 0 : Math.min((own.from - span.from) / length, 1 - SHORTEST);
  const wide = own === undefined ? 0 : Math.max(SHORTEST, (own.to - own.from) / length);
  const done = step.status === "running" ? (step.percent ?? 0) / 100 : 1;
  return (
    <svg className="headway-step-lane" width="100%" height="44" aria-hidden="true" focusable="false">
      {span && marks(span).map((at) => <line key={at} className="headway-step-mark" x1={percent(at / length)} x2={percent(at / length)} y1="0" y2="100%" />)}
      {own && (
        <>
          <rect className="headway-step-time" x={percent(from)} width={percent(wide)} y="34%" height="32%" rx="3" />
          <rect className="headway-step-done" x={percent(from)} width={percent(wide * done)} y="34%" height="32%" rx="3" />
        </>
      )}
    </svg>
  );
}

function Details({ id, step, language, took }: { readonly id: string; readonly step: StepDocument; readonly language: Language; readonly took: string }): ReactNode {
  const { words, timeZone, locale } = language;
  const { started_at: started, error, message, role, tasks = [] } = step;
  return (
    <div id={id} className="headway-step-details">
      <dl>
        {typeof role === "string" && (
          <div>
            <dt>{words.role}</dt>
            <dd>{role}</dd>
          </div>
        )}
        {typeof started === "string" && (
          <div>
            <dt>{words.started}</dt>
            <dd className="headway-number">{formatTime(started, { locale, timeZone })}</dd>
          </div>
        )}
        {took !== "" && (
          <div>
            <dt>{words.took}</dt>
            <dd className="headway-number">{took}</dd>
          </div>
        )}
      </dl>
      {typeof message === "string" && message !== "" && <p>{message}</p>}
      {tasks.length > 0 && (
        <ul aria-label={words.tasks}>
          {tasks.map((task) => (
            <li key={task}>{task}</li>
          ))}
        </ul>
      )}
      {error && <p className="headway-error">{error.message}</p>}
    </div>
  );
}
