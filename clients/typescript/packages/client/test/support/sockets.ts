// WebSockets for Node before 22, and those that do not get through.

import WebSocket from "ws";

import type { SocketConstructor } from "../../src/index.ts";

/** The `ws` package's. */
export const Sockets: SocketConstructor = WebSocket;

/** What a proxy leaves of a WebSocket that it does not let through: it closes before it was open. */
export class BlockedSocket {
  static count = 0;
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;

  constructor() {
    BlockedSocket.count += 1;
    queueMicrotask(() => {
      this.onclose?.({ code: 1006, reason: "" } as never);
    });
  }

  send(): void {
    throw new Error("it was never open");
  }

  close(): void {
    // It is closed already.
  }
}

/** The way to a server, which is closed and opened again. */
export class Gate {
  isOpen = true;
  readonly WebSocket = new Proxy(Sockets, {
    construct: (sockets, parameters) => (this.isOpen ? new sockets(...(parameters as [string, string[]])) : new BlockedSocket()),
  });
  readonly fetch: typeof fetch = (input, init) => (this.isOpen ? fetch(input, init) : Promise.reject(new TypeError("the way is closed")));
}
