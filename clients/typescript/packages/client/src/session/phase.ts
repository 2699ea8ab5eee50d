// Where a session is with its connection, and what the end of one means.

import type { Close, SignedOutReason, TransportName } from "./connection.ts";

/** Where a session is with its connection. */
export type Phase =
  | { readonly state: "idle" }
  | { readonly state: "asking" }
  | { readonly state: "connecting" | "live"; readonly transport: TransportName }
  | { readonly state: "waiting"; readonly retryAt: number; readonly reason: string }
  | { readonly state: "signed_out"; readonly reason: SignedOutReason }
  | { readonly state: "refused"; readonly code: number | string; readonly reason: string };

const SIGNED_OUT: ReadonlySet<string> = new Set<SignedOutReason>(["token_expired", "revoked", "unauthenticated"]);

/** What a server says before it closes. */
export interface Closing {
  readonly reason: string;
  readonly retryMs: number;
}

/** What the end of a connection means. */
export type Ending =
  /** The token is not taken. */
  | { readonly type: "signed_out"; readonly reason: SignedOutReason }
  /** Everything has ended, and was seen. */
  | { readonly type: "seen" }
  /** The server said not to come back. */
  | { readonly type: "refused"; readonly code: number | string }
  | { readonly type: "lost" };

/** What a close means, after what the server said before it. */
export function endingOf({ code, status, problem }: Close, closing: Closing | undefined): Ending {
  if (code === 4500 || status === 401 || SIGNED_OUT.has(closing?.reason ?? "")) {
    return { type: "signed_out", reason: (closing?.reason ?? "unauthenticated") as SignedOutReason };
  }
  if (status === 204) return { type: "seen" };
  if (code !== undefined && ((code >= 4500 && code < 5000) || code === 1008 || code === 1009)) return { type: "refused", code };
  if (problem !== undefined && isFinal(status)) return { type: "refused", code: problem };
  return { type: "lost" };
}

/** Whether the same request would be refused again. */
function isFinal(status: number | undefined): boolean {
  return status !== undefined && status >= 400 && status < 500 && status !== 408 && status !== 429;
}
