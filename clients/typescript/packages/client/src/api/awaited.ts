// Documents of routes that the generated contract does not have yet.

/** Items that failed for the same reason. */
export interface ErrorGroup {
  readonly code: string;
  readonly message: string;
  readonly count: number;
  readonly retryable: boolean;
  /** At most three of them. */
  readonly examples: readonly { readonly index: number; readonly custom_id?: string | null; readonly message: string }[];
}

/** Why items of a batch failed, the largest group first. */
export interface ErrorGroups {
  readonly failed: number;
  /** Failed items that were read: fewer than `failed` in very large batches. */
  readonly grouped: number;
  readonly groups: readonly ErrorGroup[];
}

/** What became of a batch's items within one step of time. */
export interface TimingPoint {
  readonly at: string;
  readonly finished: number;
  readonly failed: number;
  readonly p50_ms?: number | null;
  readonly p95_ms?: number | null;
}

/** Throughput and latency of a batch's items over time. */
export interface Timings {
  readonly step_ms: number;
  readonly points: readonly TimingPoint[];
  readonly duration?: { readonly p50_ms: number; readonly p90_ms: number; readonly p99_ms: number; readonly max_ms: number } | null;
  /** Items that were looked at, of `finished`. */
  readonly read: number;
  readonly finished: number;
}
