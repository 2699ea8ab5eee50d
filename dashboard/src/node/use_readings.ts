// Reads a node's counters while somebody looks.

import { useEffect, useState } from "react";
import type { Metrics } from "@headway/client";
import { useHeadway } from "@headway/react";

import { reasonOf } from "../shell/words.ts";
import { READ_EVERY_MS, Readings, type Reading } from "./readings.ts";

export interface NodeView {
  readonly readings: readonly Reading[];
  readonly metrics: Metrics | undefined;
  readonly ready: boolean | undefined;
  /** Why the last reading failed. */
  readonly error: string | undefined;
}

const NOTHING: NodeView = { readings: [], metrics: undefined, ready: undefined, error: undefined };

/** Nothing is read while `may` is false. */
export function useReadings(may: boolean): NodeView {
  const client = useHeadway();
  const [view, setView] = useState(NOTHING);
  useEffect(() => {
    if (!may) return;
    const readings = new Readings();
    const ending = new AbortController();
    const { signal } = ending;
    let busy = false;
    const read = async (): Promise<void> => {
      if (busy || document.visibilityState === "hidden") return;
      busy = true;
      try {
        const [metrics, ready] = await Promise.all([client.node.metrics({ signal }), client.node.ready({ signal })]);
        readings.add(metrics, Date.now());
        setView({ readings: readings.all, metrics, ready, error: undefined });
      } catch (error) {
        if (signal.aborted) return;
        setView((before) => ({ ...before, error: reasonOf(error) }));
      }
      busy = false;
    };
    void read();
    const timer = setInterval(() => void read(), READ_EVERY_MS);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [client, may]);
  return view;
}
