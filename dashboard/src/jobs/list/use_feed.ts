// A feed for as long as a component shows it.

import { useEffect, useMemo, useSyncExternalStore } from "react";
import { useHeadway } from "@headway/react";

import { usePerson } from "../../shell/context.ts";
import { JobFeed, type FeedView } from "./feed.ts";
import type { JobsFilter } from "./filter.ts";

/** The feed of a filter, and what it shows. */
export function useFeed(filter: JobsFilter): readonly [JobFeed, FeedView] {
  const client = useHeadway();
  const person = usePerson();
  const { status, kind, tag, session, text } = filter;
  const feed = useMemo(() => new JobFeed(client, person, { status, kind, tag, session, text }), [client, person, status, kind, tag, session, text]);
  useEffect(() => {
    feed.start();
    return () => {
      feed.stop();
    };
  }, [feed]);
  return [feed, useSyncExternalStore(feed.subscribe, feed.getSnapshot)];
}
