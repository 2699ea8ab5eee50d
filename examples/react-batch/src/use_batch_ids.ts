// Which batches somebody has.

import { useEffect, useState } from "react";
import type { JobDocument } from "@headway/client";
import { useConnection, useHeadway, useSession } from "@headway/react";

/** How many of those that ended before this page was opened are shown. */
const EARLIER = 20;

interface Begun {
  readonly id: string;
  readonly at: string;
}

/**
 * The ids of a session's batches, newest first: the newest that there are, and every one that moves from now
 * on. The list stays the same object until one is added, whatever the batches do.
 */
export function useBatchIds(session: string): { readonly ids: readonly string[] | undefined; readonly error: string | undefined } {
  const headway = useHeadway();
  const connected = useConnection(({ state }) => state === "live");
  const [earlier, setEarlier] = useState<readonly Begun[]>();
  const [failure, setFailure] = useState<string>();
  useEffect(() => {
    if (!connected) return undefined;
    const gone = new AbortController();
    headway.jobs.list({ session, limit: EARLIER }, { signal: gone.signal }).then(
      ({ jobs }) => {
        setEarlier(jobs.map(begun));
        setFailure(undefined);
      },
      (error: unknown) => {
        if (!gone.signal.aborted) setFailure(error instanceof Error ? error.message : String(error));
      },
    );
    return () => {
      gone.abort();
    };
  }, [headway, session, connected]);

  const live = useSession(session, { select: ({ jobs }) => jobs.map(begun), isEqual: same });
  const error = useSession(session, { select: (known) => known.error?.message }) ?? failure;
  if (earlier === undefined && live.length === 0) return { ids: undefined, error };
  const all = new Map([...live, ...(earlier ?? [])].map(({ id, at }) => [id, at]));
  const ids = [...all].sort(([one, from], [other, to]) => (from === to ? one.localeCompare(other) : from < to ? 1 : -1)).map(([id]) => id);
  return { ids, error };
}

function begun({ id, created_at: at }: JobDocument): Begun {
  return { id, at };
}

function same(one: readonly Begun[], other: readonly Begun[]): boolean {
  return one.length === other.length && one.every(({ id }, place) => id === other[place]?.id);
}
