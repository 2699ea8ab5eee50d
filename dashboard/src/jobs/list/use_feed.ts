// A feed for as long as a component shows it.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { usePerson } from "../../shell/context.ts";
import { JobFeed, type FeedView } from "./feed.ts";
import type { JobsFilter } from "./filter.ts";

const NOTHING: FeedView = { rows: [], waiting: 0, complete: false, begun: false, loading: true, error: undefined, looked: 0, paused: false, inSight: false };

/** The feed of a filter, and what it shows. */
export function useFeed(filter: JobsFilter): readonly [JobFeed | undefined, FeedView] {
  const client = useHeadway();
  const person = usePerson();
  const [feed, setFeed] = useState<JobFeed | undefined>(undefined);
  const { status, kind, tag, session, text } = filter;
  useEffect(() => {
    const next = new JobFeed(client, person, { status, kind, tag, session, text });
    next.start();
    setFeed(next);
    return () => {
      next.stop();
    };
  }, [client, person, status, kind, tag, session, text]);
  const store = useMemo(() => feed ?? { subscribe: () => () => undefined, getSnapshot: () => NOTHING }, [feed]);
  return [feed, useSyncExternalStore(store.subscribe, store.getSnapshot)];
}
