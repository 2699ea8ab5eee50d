"use client";
// How far a batch is, item by item.

import type { ReactNode } from "react";
import type { ItemStatus, JobDocument } from "@headway/client";

import { done, type Counts } from "../batch.ts";
import { formatAmount, formatCount, formatPercent } from "../format/numbers.ts";
import { percentOf, sayEta, sayPercent, sayProgress, sayRate, sayShare } from "../format/progress.ts";
import { useLanguage, type Language } from "../words/context.tsx";
import { signOf } from "../signs.ts";
import { Bar, type BarPart } from "./bar.tsx";
import { classes, type Styled } from "./classes.ts";
import { Facts } from "./facts.tsx";
import { Icon } from "./icon.tsx";
import { Live } from "./live.tsx";
import { Milestone } from "./milestone.tsx";
import { StatusBadge } from "./status_badge.tsx";

interface Shown extends Styled {
  /** Whether changes of status and each tenth are read aloud; true unless said. */
  readonly announce?: boolean | undefined;
  readonly locale?: string | undefined;
}

/** A batch's document, or the id of a batch to watch. */
export type BatchProgressProps = Shown &
  ({ readonly job: JobDocument; readonly id?: undefined } | { readonly id: string; readonly job?: undefined });

/** In the order of the bar: what is settled, then what moves, then what waits. */
const ORDER: readonly ItemStatus[] = ["succeeded", "failed", "skipped", "cancelled", "expired", "running", "retrying", "queued"];
/** Shown even when there are none, so that a first failure moves nothing. */
const ALWAYS: ReadonlySet<ItemStatus> = new Set(["succeeded", "failed", "running", "queued"]);
const NO_ITEMS: Counts = { total: 0, queued: 0, running: 0, retrying: 0, succeeded: 0, failed: 0, skipped: 0, cancelled: 0, expired: 0 };

/** How far a batch is: where its items are, how fast they go, what is left, what failed, what it costs. */
export function BatchProgress(props: BatchProgressProps): ReactNode {
  if (props.job === undefined) {
    const { id, ...shown } = props;
    return <Live id={id}>{(job) => <Items {...shown} job={job} />}</Live>;
  }
  return <Items {...props} />;
}

function Items({ job, announce = true, locale, className }: Shown & { readonly job: JobDocument }): ReactNode {
  const language = useLanguage(locale);
  const { words } = language;
  const counts = job.items ?? NO_ITEMS;
  const name = job.name ?? job.id;
  const percent = percentOf(job);
  return (
    <section className={classes("headway", "headway-batch", className)} aria-label={name} data-status={job.status}>
      <div className="headway-batch-head">
        <span className="headway-batch-percent headway-number">{sayPercent(job, language) || "–"}</span>
        <span className="headway-batch-share headway-number">{sayShare({ ...job, items: counts }, language)}</span>
        <StatusBadge status={job.status} stalled={job.stalled} />
      </div>
      <div
        role="progressbar"
        className="headway-track headway-track-thick"
        aria-label={name}
        {...(percent !== undefined && { "aria-valuenow": Math.floor(percent), "aria-valuemin": 0, "aria-valuemax": 100 })}
        aria-valuetext={sayProgress(job, language)}
      >
        <Bar parts={partsOf(counts)} />
      </div>
      <Legend counts={counts} language={language} />
      <Facts
        facts={[
          { name: words.rate, text: sayRate(job, language) },
          { name: words.remaining, text: sayEta(job, language) },
          { name: words.failureShare, text: sayFailures(counts, language) },
          { name: words.cost, text: sayCost(job, language) },
        ]}
      />
      {job.error && <p className="headway-error" data-retryable={job.error.retryable}>{job.error.message}</p>}
      {announce && <Milestone name={name} job={job} />}
    </section>
  );
}

function Legend({ counts, language: { locale, words } }: { readonly counts: Counts; readonly language: Language }): ReactNode {
  return (
    <ul className="headway-legend" aria-label={words.items}>
      {ORDER.filter((status) => counts[status] > 0 || ALWAYS.has(status)).map((status) => (
        <li key={status} data-status={status} data-none={counts[status] === 0}>
          <Icon sign={signOf(status)} />
          <span>{words.item[status]}</span>
          <span className="headway-number">{formatCount(counts[status], { locale })}</span>
        </li>
      ))}
    </ul>
  );
}

/** Parts beside each other. What waits is the bar's ground. */
function partsOf(counts: Counts): readonly BarPart[] {
  const total = Math.max(1, counts.total);
  let from = 0;
  return ORDER.filter((status) => status !== "queued" && counts[status] > 0).map((name) => {
    const part = { name, from, length: counts[name] / total };
    from += part.length;
    return part;
  });
}

/** `5 failed, 1.2%`, of those that are done. */
function sayFailures(counts: Counts, { locale, words }: Language): string {
  if (counts.failed === 0) return "";
  const share = formatPercent((100 * counts.failed) / Math.max(1, done(counts)), { locale, digits: 1 });
  return words.failures(formatCount(counts.failed, { locale }), share);
}

/** `$6.21 of $15.00`. */
function sayCost({ cost }: JobDocument, { locale, words }: Language): string {
  if (!cost) return "";
  const spent = formatAmount(cost.spent, cost.currency, { locale });
  return cost.budget == null ? spent : words.share(spent, formatAmount(cost.budget, cost.currency, { locale }));
}
