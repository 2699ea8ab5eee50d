// What a batch had cost at each moment, as a component shows it.

import { useEffect, useState, useSyncExternalStore } from "react";
import { useHeadway, type JobDocument } from "@headway/react";

import { CostPast, type CostPastState } from "./cost_past.ts";

export function useCostPast(id: string, job: JobDocument): CostPastState & { readonly again: () => void } {
  const headway = useHeadway();
  const [past] = useState(() => new CostPast((after, limit, signal) => headway.jobs.records(id, { after, limit }, { signal })));
  useEffect(() => {
    void past.read();
    return () => {
      past.stop();
    };
  }, [past]);
  useEffect(() => {
    past.see(job);
  }, [past, job]);
  const state = useSyncExternalStore(past.subscribe, past.getSnapshot);
  return { ...state, again: () => void past.read() };
}
