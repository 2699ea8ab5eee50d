// What the batch is, and what can be asked of it.

import { StatusBadge, formatTime, type JobDocument } from "@headway/react";

import { CopyButton } from "../design/copy_button.tsx";
import { hrefTo } from "../shell/route.ts";
import { BatchCommands } from "./commands/batch_commands.tsx";

interface BatchHeadProps {
  readonly id: string;
  readonly job: JobDocument;
  /** Shows the past; absent while it is shown. */
  readonly onReplay: (() => void) | undefined;
}

export function BatchHead({ id, job, onReplay }: BatchHeadProps) {
  return (
    <header className="batch-head">
      <nav className="batch-head__way" aria-label="Where this is">
        <a href={hrefTo({ name: "jobs" })}>Jobs</a><span aria-hidden="true">/</span>
        <span className="one-line mono">{id}</span><CopyButton what="the batch's id" text={id} />
      </nav>
      <div className="batch-head__main">
        <div className="batch-head__name"><h1>{job.name ?? id}</h1><StatusBadge status={job.status} stalled={job.stalled ?? false} /></div>
        <BatchCommands id={id} job={job} onReplay={onReplay} />
      </div>
      <ul className="batch-head__facts">
        <li><a href={hrefTo({ name: "jobs" }, { kind: job.kind })}>{job.kind}</a></li>
        {typeof job.session === "string" && <li>session <a href={hrefTo({ name: "jobs" }, { session: job.session })}>{job.session}</a></li>}
        {(job.tags ?? []).map((tag) => <li key={tag}><a href={hrefTo({ name: "jobs" }, { tag })}>#{tag}</a></li>)}
        {job.attempt > 1 && <li>attempt {job.attempt}</li>}
        {typeof job.owner.subject === "string" && <li>by {job.owner.subject}</li>}
        <li>created <time dateTime={job.created_at}>{formatTime(job.created_at)}</time></li>
        {typeof job.finished_at === "string" && <li>ended <time dateTime={job.finished_at}>{formatTime(job.finished_at)}</time></li>}
      </ul>
    </header>
  );
}
