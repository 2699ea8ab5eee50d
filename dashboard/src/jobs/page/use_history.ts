// A job's history for as long as its page is open.

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { History, type HistoryView } from "./history.ts";

/** The history of a job. */
export function useHistory(id: string): readonly [History, HistoryView] {
  const client = useHeadway();
  const history = useMemo(() => new History(client, id), [client, id]);
  useEffect(() => {
    history.start();
    return () => {
      history.stop();
    };
  }, [history]);
  return [history, useSyncExternalStore(history.subscribe, history.getSnapshot)];
}
