// Refusals and failures of requests.

import type { Problem } from "../protocol/generated/contract.ts";

/** A request that was refused, or that got no answer. */
export class HeadwayError extends Error {
  override readonly name = "HeadwayError";
  /** The answer's status; `undefined` when there was no answer. */
  readonly status: number | undefined;
  /** The refusal as the server told it; `undefined` when whoever answered was no Headway server. */
  readonly problem: Problem | undefined;
  /** How long the server wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    details: {
      readonly status?: number | undefined;
      readonly problem?: Problem | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.status = details.status;
    this.problem = details.problem;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** A word for programs, such as `not_found`; `unreachable` when there was no answer. */
  get code(): string {
    return this.problem?.code ?? (this.status === undefined ? "unreachable" : "unexpected");
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return this.problem?.retryable ?? (this.status === undefined || this.status >= 500);
  }
}
