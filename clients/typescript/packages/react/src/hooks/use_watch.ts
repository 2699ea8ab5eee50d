"use client";
// What every hook that watches does.

import { useEffect, useMemo, useRef } from "react";

import { useProvided } from "../provider/context.ts";
import type { PooledWatch, WatchPool, Wish } from "../watch/pool.ts";
import { useSelected, whole } from "../watch/selection.ts";
import { still } from "../watch/unwatched.ts";
import { wish, type AnyOptions } from "./options.ts";

/**
 * Watches what `subject` names, in JSON, and nothing when it is `undefined`. `open` has to do the same for
 * equal subjects: it is called again only for another one.
 */
export function useWatch<Snapshot>(
  subject: string | undefined,
  open: (pool: WatchPool, subject: string, wish: Wish) => PooledWatch<Snapshot>,
  unknown: Snapshot,
  options: AnyOptions<Snapshot>,
): unknown {
  const { pool } = useProvided();
  const wished = JSON.stringify(wish(options));
  const watch = useMemo(
    () => (subject === undefined ? undefined : open(pool, subject, JSON.parse(wished) as Wish)),
    [pool, subject, wished, open],
  );
  const store = useMemo(() => watch ?? still(unknown), [watch, unknown]);

  const { onEvent, select = whole, isEqual = Object.is } = options;
  const newest = useRef(onEvent);
  useEffect(() => {
    newest.current = onEvent;
  });
  const listens = onEvent !== undefined;
  useEffect(
    () => (listens ? watch?.listen((event) => newest.current?.(event)) : undefined),
    [watch, listens],
  );
  return useSelected<Snapshot, unknown>(store, unknown, select, isEqual);
}
