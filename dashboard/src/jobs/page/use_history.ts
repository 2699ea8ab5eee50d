// A job's history for as long as its page is open.

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { History, type HistoryView } from "./history.ts";

/** The history of a job; nothing is read without an `id`. */
export function useHistory(id: string | undefined): readonly [History, HistoryView] {
  const client = useHeadway();
  const history = useMemo(() => new History(client, id ?? ""), [client, id]);
  const wanted = id !== undefined;
  useEffect(() => {
    if (!wanted) return;
    history.start();
    return () => {
      history.stop();
    };
  }, [history, wanted]);
  return [history, useSyncExternalStore(history.subscribe, history.getSnapshot)];
}
