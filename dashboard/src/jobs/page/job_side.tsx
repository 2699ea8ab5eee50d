// What does not move about a job, and what it costs.

import type { JobDocument } from "@headway/client";
import { CostMeter, formatTime } from "@headway/react";

import { CopyButton } from "../../design/copy_button.tsx";
import { JsonTree } from "../../design/json_tree.tsx";
import { Facts } from "../../design/page.tsx";
import { hrefTo } from "../../shell/route.ts";

export function JobSide({ job }: { readonly job: JobDocument }) {
  const when = (time: string | null | undefined) => (time === undefined || time === null ? undefined : <time dateTime={time} title={formatTime(time, { show: "all" })}>{formatTime(time)}</time>);
  const { metadata, tags = [], session } = job;
  const hasMetadata = typeof metadata === "object" && metadata !== null && Object.keys(metadata).length > 0;
  return (
    <aside className="job-side" aria-label="About this job">
      {job.cost !== undefined && job.cost !== null && <section><h2>Cost</h2><CostMeter cost={job.cost} /></section>}
      <section>
        <h2>Details</h2>
        <Facts
          of={[
            ["Id", <span key="id" className="job-head__id"><code className="one-line">{job.id}</code><CopyButton what="the job's id" text={job.id} /></span>],
            ["Kind", <a key="kind" href={hrefTo({ name: "jobs" }, { kind: job.kind })}>{job.kind}</a>],
            ["Session", typeof session === "string" ? <a key="session" href={hrefTo({ name: "jobs" }, { session })}>{session}</a> : undefined],
            ["Tags", tags.length === 0 ? undefined : tags.map((tag) => <a key={tag} className="tag" href={hrefTo({ name: "jobs" }, { tag })}>{tag}</a>)],
            ["Owner", [job.owner.tenant, job.owner.subject].filter((part) => typeof part === "string").join(" / ")],
            ["Attempt", job.attempt > 1 ? job.attempt : undefined],
            ["Created", when(job.created_at)],
            ["Queued", when(job.queued_at)],
            ["Started", when(job.started_at)],
            ["Ended", when(job.finished_at)],
            ["Changed", when(job.updated_at)],
          ]}
        />
      </section>
      {hasMetadata && <section><h2>Metadata</h2><JsonTree value={metadata} label="Metadata" open={3} /></section>}
    </aside>
  );
}
