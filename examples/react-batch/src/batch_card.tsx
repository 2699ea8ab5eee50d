// One batch, live, in this product's words and look.

import type { ReactElement } from "react";
import type { JobDocument } from "@headway/client";
import { BatchProgress, formatTime, useBatch, useCommand } from "@headway/react";

import { tripOf } from "./trip.ts";

interface BatchCardProps {
  readonly id: string;
  readonly onHide: (id: string) => void;
}

/** Watches while it is there; a second after it is gone nobody does. */
export function BatchCard({ id, onHide }: BatchCardProps): ReactElement {
  // The document and the refusal, and not how the connection is: that is said once, above all cards.
  const job = useBatch(id, { select: (known) => known.job });
  const refusal = useBatch(id, { select: (known) => known.error?.message });
  if (job === undefined) {
    return (
      <article className="card" aria-label={`Plan ${id}`} aria-busy={refusal === undefined}>
        {refusal === undefined ? <p className="muted">Loading</p> : <p role="alert">This plan is not shared with you: {refusal}</p>}
      </article>
    );
  }
  return <Card job={job} onHide={onHide} />;
}

function Card({ job, onHide }: { readonly job: JobDocument; readonly onHide: (id: string) => void }): ReactElement {
  const { region, airports } = tripOf(job.metadata);
  const { run, can, pending, error } = useCommand(job.id);
  const heading = `plan-${job.id}`;
  return (
    <article className="card" aria-labelledby={heading} data-batch={job.id}>
      <div className="line">
        <h3 id={heading}>{region}</h3>
        <span className="muted">{airports} airports, started {formatTime(job.created_at)}</span>
      </div>
      <BatchProgress job={job} />
      {error !== undefined && <p className="refusal" role="alert">{error.message}</p>}
      <div className="actions">
        {(can("cancel") || pending === "cancel") && (
          <button type="button" className="button" aria-label={`Cancel ${region}`} aria-disabled={pending !== undefined} onClick={() => void run("cancel")}>
            {pending === "cancel" ? "Cancelling" : "Cancel"}
          </button>
        )}
        <button type="button" className="button quiet" aria-label={`Hide ${region}`} onClick={() => { onHide(job.id); }}>Hide</button>
      </div>
    </article>
  );
}
