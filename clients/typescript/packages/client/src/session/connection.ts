// How a connection is, as an application shows it.

/** A way to read the stream, best first. */
export type TransportName = "websocket" | "events" | "poll";

/** Why nobody is signed in any more. */
export type SignedOutReason = "token_expired" | "revoked" | "unauthenticated" | "no_token";

/** Whose connection a tab watches over. */
export type TabRole =
  /** Its own, and no other tab's. */
  | "alone"
  /** Its own, and other tabs watch over it. */
  | "leads"
  /** That of another tab. */
  | "follows";

/** The state of the one connection that all watches share. */
export type ConnectionState = Link & { readonly tab: TabRole };

/** The state of a connection, whoever has it. */
export type Link =
  /** Nothing is watched, or everything that is has ended. */
  | { readonly state: "idle" }
  | { readonly state: "connecting"; readonly transport: TransportName }
  | { readonly state: "live"; readonly transport: TransportName }
  /** The connection was lost and is tried again at `retryAt`, in milliseconds of the clock in use. */
  | { readonly state: "waiting"; readonly retryAt: number; readonly offline: boolean; readonly reason: string }
  /** The token is not taken, or there is none. It goes on with `signedIn()`. */
  | { readonly state: "signed_out"; readonly reason: SignedOutReason }
  /** The server said not to come back. It is tried again with `signedIn()`. */
  | { readonly state: "refused"; readonly code: number | string; readonly reason: string };

/** How a connection ended, as its transport saw it. */
export interface Close {
  /** A WebSocket's close code. */
  readonly code?: number;
  /** An answer's status, when it was no stream. */
  readonly status?: number;
  /** The code of the answer's problem document, when it had one. */
  readonly problem?: string;
  /** In words. */
  readonly reason: string;
  /** When to come back, if the answer said so. */
  readonly retryMs?: number;
}
