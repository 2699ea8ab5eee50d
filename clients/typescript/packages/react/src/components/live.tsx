"use client";
// What stands where a job will be, and where one cannot be.

import type { ReactNode } from "react";
import type { JobDocument, JobSnapshot } from "@headway/client";

import { useJob } from "../hooks/use_job.ts";
import { useLanguage } from "../words/context.tsx";

/** Shows a job that is watched: its document, that it is being fetched, or why it is not shown. */
export function Live({ id, children }: { readonly id: string; readonly children: (job: JobDocument) => ReactNode }): ReactNode {
  const { job, error } = useJob(id);
  return job === undefined ? <Unknown error={error} /> : children(job);
}

function Unknown({ error }: Pick<JobSnapshot, "error">): ReactNode {
  const { words } = useLanguage();
  if (error === undefined) {
    return (
      <div className="headway headway-card headway-loading" role="status">
        <span className="headway-unseen">{words.loading}</span>
        <span className="headway-loading-line" />
        <span className="headway-loading-line" />
      </div>
    );
  }
  return (
    <p className="headway headway-card headway-notice" role="status">
      {error.code === "not_found" ? words.notFound : words.refused(error.message)}
    </p>
  );
}
