// How to reach a server.

import type { TransportName } from "../session/connection.ts";
import type { Fetch } from "../transport/answer.ts";
import type { SocketConstructor } from "../transport/websocket.ts";
import type { Clock } from "./clock.ts";

/** Gives the token to sign in with; `null` when nobody is signed in. It is asked before each connection and in time before a token ends. */
export type TokenSource = () => string | null | Promise<string | null>;

/** How to reach a server. */
export interface ConnectOptions {
  /** The server's address, `https://host` or with a path in front of `/api/v1`; the page's own origin unless said. */
  readonly url?: string | URL | undefined;
  /** Who signs in; unless said nobody does, or a browser's cookie. */
  readonly token?: TokenSource | undefined;
  /** Ways to watch, best first; all that the platform has unless said. */
  readonly transports?: readonly TransportName[] | undefined;
  /** Failures in a row after which the next transport is tried; 5 unless said. */
  readonly attempts?: number | undefined;
  /** Whether requests carry cookies; `same-origin` unless said, as the platform does. */
  readonly credentials?: RequestCredentials | undefined;
  /** Another `fetch`. */
  readonly fetch?: Fetch | undefined;
  /** Another `WebSocket`, such as that of the `ws` package where Node has none (before 22); `null` for none. */
  readonly WebSocket?: SocketConstructor | null | undefined;
  /**
   * Whether tabs of a browser that show the same token, or the same cookie, watch over one connection.
   * So they do, unless said, where the platform lets them (Web Locks, BroadcastChannel, a secure
   * context), and `fetch` and `WebSocket` are the platform's own. Elsewhere each has its own.
   */
  readonly shared?: boolean | undefined;
  /** Another clock, for tests. */
  readonly clock?: Clock | undefined;
}

/** The server's address as a prefix of paths that begin with a slash. */
export function base(url: string | URL | undefined): string {
  const origin = typeof location === "undefined" ? undefined : location.origin;
  const given = url ?? origin;
  if (given === undefined) throw new TypeError("there is no page here: give `url`");
  const { protocol, host, pathname } = new URL(given, origin);
  if (protocol !== "http:" && protocol !== "https:") throw new TypeError(`\`url\` must begin with http: or https:, not ${protocol}`);
  return `${protocol}//${host}${pathname.replace(/\/+$/, "")}`;
}
