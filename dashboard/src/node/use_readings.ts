// Reads a node's counters while somebody looks.

import { useEffect, useState } from "react";
import { HeadwayError, type Metrics } from "@headway/client";
import { useHeadway } from "@headway/react";

import { reasonOf } from "../shell/words.ts";
import { READ_EVERY_MS, Readings, type Reading } from "./readings.ts";

export interface NodeView {
  readonly readings: readonly Reading[];
  readonly metrics: Metrics | undefined;
  readonly ready: boolean | undefined;
  /** Why the last reading failed. */
  readonly error: string | undefined;
  /** Whether whoever looks may not. */
  readonly forbidden: boolean;
}

const NOTHING: NodeView = { readings: [], metrics: undefined, ready: undefined, error: undefined, forbidden: false };

export function useReadings(): NodeView {
  const client = useHeadway();
  const [view, setView] = useState(NOTHING);
  useEffect(() => {
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
        setView({ readings: readings.all, metrics, ready, error: undefined, forbidden: false });
      } catch (error) {
        if (signal.aborted) return;
        const forbidden = error instanceof HeadwayError && error.status === 403;
        setView((before) => ({ ...before, error: reasonOf(error), forbidden }));
        if (forbidden) ending.abort();
      }
      busy = false;
    };
    void read();
    const timer = setInterval(() => { if (!signal.aborted) void read(); }, READ_EVERY_MS);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [client]);
  return view;
}
