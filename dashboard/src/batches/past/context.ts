// The past of the batch that a page shows.

import { createContext, use, useEffect, useState } from "react";
import { isTerminal, useHeadway, type JobDocument } from "@headway/react";

import { Past } from "./past.ts";

export const PastContext = createContext<Past | undefined>(undefined);

export function usePast(): Past {
  const past = use(PastContext);
  if (past === undefined) throw new TypeError("this component is rendered outside of a batch's page");
  return past;
}

/** Reads the past of a batch once, and what came since when it has ended. */
export function useNewPast(id: string, job: JobDocument | undefined): Past {
  const headway = useHeadway();
  const [past] = useState(() => new Past((after, limit, signal) => headway.jobs.records(id, { after, limit }, { signal })));
  useEffect(() => {
    if (job !== undefined) past.see(job);
  }, [past, job]);
  const ended = job !== undefined && isTerminal(job.status);
  const known = job !== undefined;
  useEffect(() => {
    if (!known) return;
    return () => {
      past.stop();
    };
  }, [past, known]);
  useEffect(() => {
    if (job !== undefined && (past.state().status === "unread" || ended)) void past.catchUp(job);
    // The log is read when the batch is first known and when it has ended, not with each change.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [past, known, ended]);
  return past;
}
