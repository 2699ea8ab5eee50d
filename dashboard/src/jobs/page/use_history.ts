// A job's history for as long as its page is open.

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { History, type HistoryView } from "./history.ts";

/** The history of a job, read back at least to a moment of the past that somebody looks at. */
export function useHistory(id: string, at: number | undefined): readonly [History, HistoryView] {
  const client = useHeadway();
  const history = useMemo(() => new History(client, id), [client, id]);
  useEffect(() => {
    history.start();
    return () => {
      history.stop();
    };
  }, [history]);
  useEffect(() => {
    history.reach(at);
  }, [history, at]);
  return [history, useSyncExternalStore(history.subscribe, history.getSnapshot)];
}
