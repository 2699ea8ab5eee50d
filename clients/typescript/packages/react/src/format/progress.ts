// How far a job is, in words.

import { done, etaOf } from "../batch.ts";
import { isTerminal } from "../status.ts";
import type { JobDocument } from "@headway/client";
import type { Words } from "../words/words.ts";
import { formatCount, formatPercent, formatRate } from "./numbers.ts";
import { formatEta } from "./times.ts";

/** What there is to say with. */
export interface Voice {
  readonly locale: string;
  readonly words: Words;
}

/** The parts of a job's document that say how far it is. */
export type Progressing = Pick<JobDocument, "status" | "progress" | "items" | "stalled">;

/** From so many units on, a tenth of a percent is worth showing. */
const MANY = 10_000;

/** The share that is done, 0 to 100; `undefined` when it is not known. What is completed is done. */
export function percentOf({ status, progress }: Pick<Progressing, "status" | "progress">): number | undefined {
  if (status === "completed") return 100;
  const percent = progress?.percent;
  return typeof percent === "number" ? Math.min(100, Math.max(0, percent)) : undefined;
}

/** `42%`, with a digit more where there is much to do; nothing when it is not known. */
export function sayPercent(job: Progressing, { locale }: Voice): string {
  const percent = percentOf(job);
  if (percent === undefined) return "";
  const total = job.items?.total ?? job.progress?.total ?? 0;
  return formatPercent(percent, { locale, digits: total >= MANY && percent < 100 ? 1 : 0 });
}

/** `425 of 1,000 leads`; nothing when it is not counted. */
export function sayShare({ progress, items }: Progressing, { locale, words }: Voice): string {
  const count = items ? done(items) : progress?.done;
  const total = items?.total ?? progress?.total;
  const unit = typeof progress?.unit === "string" ? ` ${progress.unit}` : "";
  if (typeof count !== "number" || total === 0) return "";
  if (typeof total !== "number") return `${formatCount(count, { locale })}${unit}`;
  return `${words.share(formatCount(count, { locale }), formatCount(total, { locale }))}${unit}`;
}

/** `12.3/s`, while it runs; of what has no units a rate says nothing. */
export function sayRate({ status, progress, items }: Progressing, { locale, words }: Voice): string {
  const counted = items != null || typeof progress?.done === "number";
  return status === "running" && counted && typeof progress?.rate === "number" ? formatRate(progress.rate, { locale, words }) : "";
}

/** `about 2 min left, 1 to 3 min`, while it runs. */
export function sayEta(job: Progressing, { locale, words }: Voice): string {
  const eta = job.status === "running" && job.stalled !== true ? etaOf(job) : undefined;
  return eta === undefined ? "" : formatEta(eta, { locale, words });
}

/** The whole of it, for those who do not see a bar. */
export function sayProgress(job: Progressing, voice: Voice): string {
  const { words } = voice;
  const known = sayPercent(job, voice) || (isTerminal(job.status) ? "" : words.unknownProgress);
  const parts = [words.status[job.status], job.stalled === true ? words.stalled : "", known, sayShare(job, voice), sayEta(job, voice)];
  return parts.filter((part) => part !== "").join(", ");
}

/** What is told aloud when it changes: the status, and the share in tens. */
export function sayMilestone(job: Progressing, { locale, words }: Voice): string {
  const percent = percentOf(job);
  const tens = percent === undefined || isTerminal(job.status) ? "" : formatPercent(Math.floor(percent / 10) * 10, { locale });
  return [words.status[job.status], job.stalled === true ? words.stalled : "", tens].filter((part) => part !== "").join(", ");
}
