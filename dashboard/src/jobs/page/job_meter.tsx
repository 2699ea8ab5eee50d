// How far a job is, large.

import { useEffect, useState } from "react";
import type { JobDocument } from "@headway/client";
import { formatCount, formatEta, formatPercent, formatRate, isTerminal, ProgressBar } from "@headway/react";

import { Elapsed } from "../../design/time.tsx";

/** How long what is not known moves after something was heard of the job, in milliseconds. */
const HEARD_MS = 5_000;

/** `at`: the moment that is shown, when that is not now. */
export function JobMeter({ job, at }: { readonly job: JobDocument; readonly at: number | undefined }) {
  const { progress = {} } = job;
  const { percent, done, total, unit, rate, eta_ms: eta, eta_low_ms: low, eta_high_ms: high } = progress;
  const heard = useLately(job.cursor, HEARD_MS);
  const active = !isTerminal(job.status);
  const known = job.status === "completed" ? 100 : (percent ?? undefined);
  return (
    <div className="job-meter" data-quiet={!heard || at !== undefined || undefined}>
      <div className="job-meter__line">
        <span className="job-meter__now one-line">
          {typeof job.phase === "string" && <b>{job.phase}</b>}
          {typeof job.phase === "string" && typeof job.message === "string" && " · "}
          {job.message}
        </span>
        <span className="job-meter__percent" data-unknown={known === undefined || undefined}>{known === undefined ? (job.status === "running" ? "–" : "") : formatPercent(known)}</span>
      </div>
      <ProgressBar job={job} label={`Progress of ${job.name ?? job.id}`} />
      <div className="job-meter__figures">
        {typeof done === "number" && <span><b>{formatCount(done)}</b>{typeof total === "number" ? ` of ${formatCount(total)}` : ""} {unit ?? ""}</span>}
        {job.started_at !== undefined && job.started_at !== null && <span><b><Elapsed since={job.started_at} until={job.finished_at ?? at} /></b> {active ? "elapsed" : "taken"}</span>}
        {active && typeof rate === "number" && rate > 0 && typeof done === "number" && <span><b>{formatRate(rate)}</b></span>}
        {active && typeof eta === "number" && <span>{formatEta({ ms: eta, lowMs: low ?? undefined, highMs: high ?? undefined })}</span>}
      </div>
    </div>
  );
}

/** Whether a value has come, or become another one, within so many milliseconds. */
function useLately(value: string, withinMs: number): boolean {
  const [old, setOld] = useState<string | undefined>(undefined);
  useEffect(() => {
    const timer = setTimeout(() => { setOld(value); }, withinMs);
    return () => { clearTimeout(timer); };
  }, [value, withinMs]);
  return old !== value;
}
