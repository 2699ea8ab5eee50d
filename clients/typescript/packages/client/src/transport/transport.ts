// One connection over one transport.

import type { Close } from "../session/connection.ts";

/** What a connection tells. After `closed` it tells nothing more. */
export interface Listener {
  /** It is through; of a poll, an answer came. */
  opened(): void;
  /** Something came that is no message. */
  active(): void;
  /** A message came, as parsed JSON. */
  message(message: unknown): void;
  /** It is over. */
  closed(close: Close): void;
}

/** A connection that was begun. */
export interface Connection {
  /** Sends a text; transports that cannot, never have anything to send. */
  send(text: string): void;
  /** Lets it go, without a word to the listener. */
  close(): void;
}

/** What is needed to connect. */
export interface Opening {
  /** The whole address, `http:` or `https:`. */
  readonly url: string;
  readonly token: string | undefined;
}

/** Begins a connection. */
export type Open = (opening: Opening, listener: Listener) => Connection;

/** The parsed message, `undefined` when it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
