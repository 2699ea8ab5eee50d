// A job's past for as long as somebody replays it.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { JobDocument } from "@headway/client";
import { useHeadway } from "@headway/react";

import { Past, type PastView } from "./past.ts";

const NOTHING = { subscribe: () => () => undefined, getSnapshot: () => undefined };

/** The past of a job; nothing while `open` is false. */
export function usePast(job: JobDocument | undefined, open: boolean): readonly [Past | undefined, PastView | undefined] {
  const client = useHeadway();
  const [past, setPast] = useState<Past | undefined>(undefined);
  const id = job?.id;
  const wanted = open && id !== undefined;
  useEffect(() => {
    if (!wanted) return;
    const next = new Past(client, id, job);
    void next.read();
    setPast(next);
    return () => {
      next.stop();
      setPast(undefined);
    };
    // The document is only what the log does not tell; another one does not begin the past anew.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [client, id, wanted]);
  const cursor = job?.cursor;
  useEffect(() => { past?.moved(); }, [past, cursor]);
  const store = useMemo((): Pick<Past, "subscribe"> & { readonly getSnapshot: () => PastView | undefined } => past ?? NOTHING, [past]);
  return [past, useSyncExternalStore(store.subscribe, store.getSnapshot)];
}
