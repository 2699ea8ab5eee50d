// The stream over a WebSocket.

import { parsed, type Open } from "./transport.ts";

const SUBPROTOCOL = "headway.v1";
/** A browser sends no header with an upgrade; a token goes beside the subprotocol, where proxies do not log it. */
const BEARER = "headway.bearer.";

/** What can be part of a subprotocol's name (RFC 9110, section 5.6.2). */
const NAMEABLE = /^[\w!#$%&'*+\-.^`|~]+$/;

/** The part of a WebSocket that is used: that of browsers and Node, and of the `ws` package. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Makes WebSockets. */
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;

/** Connections by this constructor. */
export function websocket(constructor: SocketConstructor): Open {
  return ({ url, token }, listener) => {
    // One that cannot stand there, as base64 with its `=` or `/`, comes with the first message alone.
    const protocols = [SUBPROTOCOL, ...(token !== undefined && NAMEABLE.test(token) ? [BEARER + token] : [])];
    const socket = new constructor(url.replace(/^http/, "ws"), protocols);
    const quiet = (): void => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      // A failure that nobody waits for any more is no failure of the program.
      socket.onerror = () => undefined;
    };
    socket.onopen = () => {
      listener.opened();
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (typeof data === "string") listener.message(parsed(data));
      else listener.active();
    };
    // A close always follows an error, and says more.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      quiet();
      listener.closed({ code, reason: reason === "" ? `the connection was closed (${code})` : reason });
    };
    return {
      send: (text) => {
        socket.send(text);
      },
      close: () => {
        quiet();
        socket.close();
      },
    };
  };
}
