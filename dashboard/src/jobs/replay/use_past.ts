// A job's past for as long as somebody replays it.

import { useEffect, useEffectEvent, useMemo, useSyncExternalStore } from "react";
import type { JobDocument } from "@headway/client";
import { useHeadway } from "@headway/react";

import { Past, type PastView } from "./past.ts";

const NOTHING = { subscribe: () => () => undefined, getSnapshot: () => undefined };

/** The past of a job; nothing while `open` is false. */
export function usePast(job: JobDocument, open: boolean): readonly [Past | undefined, PastView | undefined] {
  const client = useHeadway();
  const { id, cursor } = job;
  const past = useMemo(() => (open ? new Past(client, id) : undefined), [client, id, open]);
  // The document is only what the log does not tell; another one does not begin the past anew.
  const start = useEffectEvent((begun: Past) => { begun.start(job); });
  useEffect(() => {
    if (past === undefined) return;
    start(past);
    return () => {
      past.stop();
    };
  }, [past]);
  useEffect(() => {
    past?.moved();
  }, [past, cursor]);
  const store: Pick<Past, "subscribe"> & { readonly getSnapshot: () => PastView | undefined } = past ?? NOTHING;
  return [past, useSyncExternalStore(store.subscribe, store.getSnapshot)];
}
