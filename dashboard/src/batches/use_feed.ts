// What a component shows of something that is asked for again as it changes.

import { useEffect, useMemo, useSyncExternalStore } from "react";

import { Feed, type FeedState } from "./model/feed.ts";

export interface Fed<Value> extends FeedState<Value> {
  /** Asks again, soon. */
  readonly again: () => void;
}

/** `load` is another function when something else is meant; `version` another value when the answer may be another one. */
export function useFeed<Value>(load: (signal: AbortSignal) => Promise<Value>, everyMs: number, version: unknown): Fed<Value> {
  const feed = useMemo(() => new Feed(load, everyMs), [load, everyMs]);
  useEffect(() => {
    feed.start();
    return () => {
      feed.stop();
    };
  }, [feed]);
  useEffect(() => {
    // Nobody looks at a page that is not in sight: it is asked again when it is.
    const tell = (): void => {
      if (document.visibilityState === "visible") feed.change(version);
    };
    tell();
    document.addEventListener("visibilitychange", tell);
    return () => {
      document.removeEventListener("visibilitychange", tell);
    };
  }, [feed, version]);
  const state = useSyncExternalStore(feed.subscribe, feed.getSnapshot);
  return useMemo(() => ({ ...state, again: feed.again }), [state, feed]);
}
