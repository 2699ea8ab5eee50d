// A job's history for as long as its page is open.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { History, type HistoryView } from "./history.ts";

const NOTHING: HistoryView = { events: [], reading: true, complete: false, beginsLate: false, error: undefined };

/** The history of a job; nothing while it is not known whether there is one. */
export function useHistory(id: string | undefined): readonly [History | undefined, HistoryView] {
  const client = useHeadway();
  const [history, setHistory] = useState<History | undefined>(undefined);
  useEffect(() => {
    if (id === undefined) return;
    const next = new History(client, id);
    next.start();
    setHistory(next);
    return () => {
      next.stop();
    };
  }, [client, id]);
  const store = useMemo(() => history ?? { subscribe: () => () => undefined, getSnapshot: () => NOTHING }, [history]);
  return [history, useSyncExternalStore(store.subscribe, store.getSnapshot)];
}
