"use client";
// A job at a glance.

import type { ReactNode } from "react";
import type { Action, JobDocument } from "@headway/client";

import { useCommand } from "../hooks/use_command.ts";
import { sayEta, sayPercent, sayRate, sayShare } from "../format/progress.ts";
import { formatAmount, formatCount } from "../format/numbers.ts";
import { formatDuration } from "../format/times.ts";
import { isTerminal } from "../status.ts";
import { useNow } from "../watch/ticker.ts";
import { useLanguage } from "../words/context.tsx";
import { Actions } from "./actions.tsx";
import { classes, type Styled } from "./classes.ts";
import { Facts } from "./facts.tsx";
import { Live } from "./live.tsx";
import { Milestone } from "./milestone.tsx";
import { ProgressBar } from "./progress_bar.tsx";
import { StatusBadge } from "./status_badge.tsx";

interface Shown extends Styled {
  /** What may be asked of it; nothing unless said. */
  readonly actions?: readonly Action[] | undefined;
  /** The time, in milliseconds since 1970, to show a job as it was; the present unless said. */
  readonly now?: number | undefined;
  /** Whether changes of status and each tenth are read aloud; true unless said. For long lists, `false`. */
  readonly announce?: boolean | undefined;
  readonly locale?: string | undefined;
  /** Stands below everything else. */
  readonly children?: ReactNode;
}

/** A document, or the id of a job to watch. */
export type JobCardProps = Shown &
  (
    | {
        readonly job: JobDocument;
        readonly id?: undefined;
        /** Is told what somebody asks. */
        readonly onCommand?: ((action: Action) => void) | undefined;
        readonly pending?: Action | undefined;
      }
    | { readonly id: string; readonly job?: undefined }
  );

/** A job at a glance: its status, how far it is, what it is at, what is left, what it has cost. */
export function JobCard(props: JobCardProps): ReactNode {
  if (props.job === undefined) return <LiveCard {...props} />;
  return <Card {...props} />;
}

function LiveCard({ id, ...shown }: Shown & { readonly id: string }): ReactNode {
  const { run, pending, error } = useCommand(id);
  return (
    <Live id={id}>
      {(job) => <Card {...shown} job={job} pending={pending} refusal={error?.message} onCommand={(action) => void run(action)} />}
    </Live>
  );
}

interface CardProps extends Shown {
  readonly job: JobDocument;
  readonly onCommand?: ((action: Action) => void) | undefined;
  readonly pending?: Action | undefined;
  /** Why what was asked was refused. */
  readonly refusal?: string | undefined;
}

function Card({ job, actions = [], now, announce = true, locale, children, onCommand, pending, refusal, className }: CardProps): ReactNode {
  const language = useLanguage(locale);
  const { words } = language;
  const ticking = useNow(now === undefined && typeof job.started_at === "string" && !isTerminal(job.status));
  const name = job.name ?? job.id;
  const error = job.error ?? undefined;
  const told = [job.phase, job.message].filter((text) => typeof text === "string" && text !== "").join(" · ");
  const { cost } = job;
  return (
    <article className={classes("headway", "headway-card", className)} aria-label={name} data-status={job.status} tabIndex={-1}>
      <header className="headway-card-head">
        <span className="headway-card-name" title={name}>{name}</span>
        <StatusBadge status={job.status} stalled={job.stalled} />
      </header>
      <p className="headway-card-told" title={told}>{told === "" ? job.kind : told}</p>
      <div className="headway-card-bar">
        <ProgressBar job={job} label={name} locale={locale} />
        <span className="headway-card-percent headway-number">{sayPercent(job, language)}</span>
      </div>
      <div className="headway-card-foot">
        <Facts
          facts={[
            { name: words.progress, text: sayShare(job, language) },
            { name: words.rate, text: sayRate(job, language) },
            { name: words.remaining, text: sayEta(job, language) },
            { name: words.took, text: sayElapsed(job, now ?? ticking, language.locale) },
            { name: words.cost, text: cost ? formatAmount(cost.spent, cost.currency, language) : "" },
            { name: words.attempts, text: job.attempt > 1 ? words.attempt(formatCount(job.attempt, language)) : "" },
          ]}
        />
        {onCommand && <Actions status={job.status} name={name} actions={actions} pending={pending} onCommand={onCommand} />}
      </div>
      {error && <p className="headway-error" data-retryable={error.retryable}>{error.message}</p>}
      {refusal !== undefined && <p className="headway-error" role="alert">{refusal}</p>}
      {children}
      {announce && <Milestone name={name} job={job} />}
    </article>
  );
}

/** How long it has been running, or ran. */
function sayElapsed({ started_at: started, finished_at: finished }: JobDocument, now: number | undefined, locale: string): string {
  if (typeof started !== "string") return "";
  const end = typeof finished === "string" ? Date.parse(finished) : now;
  return end === undefined ? "" : formatDuration(end - Date.parse(started), { locale });
}
