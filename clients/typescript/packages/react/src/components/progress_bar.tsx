"use client";
// How far something is.

import { useId, type ReactNode } from "react";
import type { JobStatus } from "@headway/client";

import { percentOf, sayEta, sayPercent, sayProgress, sayShare, type Progressing } from "../format/progress.ts";
import { useLanguage } from "../words/context.tsx";
import { Bar } from "./bar.tsx";
import { classes, type Styled } from "./classes.ts";

interface Labelled extends Styled {
  /** What is on its way; `Progress` unless said. */
  readonly label?: string | undefined;
  /** Whether label, percent and what is left stand above the bar; they are said in any case. */
  readonly text?: boolean | undefined;
  readonly locale?: string | undefined;
}

/** A job, or a number; without `value` it is not known how far it is. */
export type ProgressBarProps = Labelled &
  (
    | { readonly job: Progressing; readonly value?: undefined; readonly max?: undefined }
    | {
        readonly job?: undefined;
        readonly value?: number | undefined;
        /** 100 unless said. */
        readonly max?: number | undefined;
        readonly status?: JobStatus | undefined;
        readonly stalled?: boolean | undefined;
      }
  );

/** How far something is. */
export function ProgressBar(props: ProgressBarProps): ReactNode {
  const { label, text = false, className } = props;
  const language = useLanguage(props.locale);
  const labelId = useId();
  const job = props.job ?? jobOf(props);
  const percent = percentOf(job);
  const state = barState(job, percent);
  const name = label ?? language.words.progress;
  const known = sayPercent(job, language);
  const more = sayEta(job, language) || sayShare(job, language);
  return (
    <div className={classes("headway", "headway-progress", className)} data-status={job.stalled === true ? "stalled" : job.status}>
      {text && (
        <div className="headway-progress-text">
          <span className="headway-progress-label" id={labelId}>{name}</span>
          <span className="headway-progress-more">{more}</span>
          <span className="headway-progress-percent headway-number">{known}</span>
        </div>
      )}
      <div
        role="progressbar"
        className="headway-track"
        {...(text ? { "aria-labelledby": labelId } : { "aria-label": name })}
        {...(percent !== undefined && { "aria-valuenow": Math.floor(percent), "aria-valuemin": 0, "aria-valuemax": 100 })}
        aria-valuetext={sayProgress(job, language)}
      >
        <Bar state={state} parts={[{ name: "done", from: 0, length: percent === undefined ? (state === "unknown" ? 1 : 0) : percent / 100 }]} />
      </div>
    </div>
  );
}

function jobOf({ value, max = 100, status = "running", stalled = false }: Extract<ProgressBarProps, { job?: undefined }>): Progressing {
  return { status, stalled, progress: value === undefined ? {} : { percent: max > 0 ? (100 * value) / max : 0 } };
}

/** Whether it moves without saying how far it is. */
function barState({ status, stalled }: Progressing, percent: number | undefined): "unknown" | "known" {
  return percent === undefined && status === "running" && stalled !== true ? "unknown" : "known";
}
