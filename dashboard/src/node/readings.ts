// What a node's counters say, one reading after the other.
//
// **Invariant:** at most `KEPT` readings are held. A rate is what a counter has grown by between two
// readings; a node that was started again counts from zero, and a rate is then not known.

import type { Metrics } from "@headway/client";

/** How often the counters are read, in milliseconds. */
export const READ_EVERY_MS = 2000;
/** Readings that are kept: the last five minutes. */
export const KEPT = 150;

/** One reading; what is not known is `undefined`. */
export interface Reading {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly connections: number | undefined;
  readonly subscriptions: number | undefined;
  readonly reports: number | undefined;
  readonly deliveries: number | undefined;
  readonly requests: number | undefined;
  readonly memory: number | undefined;
  /** Of one processor: 1 is all of it. */
  readonly processor: number | undefined;
  readonly running: number | undefined;
  readonly waiting: number | undefined;
  readonly latencies: Readonly<Record<LatencyName, Latency>>;
}

export type LatencyName = "requests" | "appends" | "deliveries";

/** Seconds; of what was measured since the reading before, or since the beginning when nothing was. */
export interface Latency {
  readonly half: number | undefined;
  readonly most: number | undefined;
}

const HISTOGRAMS: Readonly<Record<LatencyName, string>> = {
  requests: "headway_http_request_seconds",
  appends: "headway_append_seconds",
  deliveries: "headway_delivery_seconds",
};

export class Readings {
  #before: { readonly at: number; readonly metrics: Metrics } | undefined;
  #kept: readonly Reading[] = [];

  get all(): readonly Reading[] {
    return this.#kept;
  }

  /** The counters that were read last. */
  get newest(): Metrics | undefined {
    return this.#before?.metrics;
  }

  add(metrics: Metrics, at: number): void {
    const before = this.#before;
    const rate = (name: string): number | undefined => {
      const now = metrics.value(name);
      const was = before?.metrics.value(name);
      if (now === undefined || was === undefined || before === undefined || now < was || at <= before.at) return undefined;
      return ((now - was) * 1000) / (at - before.at);
    };
    const latency = (name: LatencyName): Latency => {
      const histogram = HISTOGRAMS[name];
      const since = before?.metrics;
      return { half: metrics.quantile(histogram, 0.5, { since }), most: metrics.quantile(histogram, 0.99, { since }) };
    };
    this.#kept = [
      ...this.#kept.slice(-KEPT + 1),
      {
        at,
        connections: metrics.value("headway_connections"),
        subscriptions: metrics.value("headway_subscriptions"),
        reports: rate("headway_events"),
        deliveries: rate("headway_frames"),
        requests: rate("headway_http_requests"),
        memory: metrics.value("process_resident_memory_bytes"),
        processor: rate("process_cpu_seconds"),
        running: metrics.value("headway_executor_jobs_running"),
        waiting: metrics.value("headway_executor_jobs_waiting"),
        latencies: { requests: latency("requests"), appends: latency("appends"), deliveries: latency("deliveries") },
      },
    ];
    this.#before = { at, metrics };
  }
}

/** Limits that somebody ran into, most often first. */
export function limitsHit(metrics: Metrics): readonly { readonly limit: string; readonly times: number }[] {
  const found = new Map<string, number>();
  for (const { labels, value } of metrics.families.get("headway_limits")?.samples ?? []) {
    const { limit } = labels as { readonly limit?: string };
    if (limit !== undefined && value > 0) found.set(limit, (found.get(limit) ?? 0) + value);
  }
  return [...found].map(([limit, times]) => ({ limit, times })).sort((one, other) => other.times - one.times);
}

/** Watchers by the way in which they are connected. */
export function byTransport(metrics: Metrics): readonly { readonly transport: string; readonly connections: number }[] {
  return (metrics.families.get("headway_connections")?.samples ?? []).map(({ labels, value }) => ({ transport: labels["transport"] ?? "unknown", connections: value }));
}
