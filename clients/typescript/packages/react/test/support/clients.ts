// A client whose server is the test: it says what is known, and sees what is asked.

import { Headway, type JobDocument } from "@headway/client";
import { act } from "@testing-library/react";

/** A WebSocket whose other side is the test. */
class Played {
  onopen: ((event: never) => void) | null = null;
  onmessage: ((event: never) => void) | null = null;
  onclose: ((event: never) => void) | null = null;
  onerror: ((event: never) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.closed = true;
  }

  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) } as never);
  }
}

/** A client of a server that the test plays. */
export class PlayedServer {
  readonly headway: Headway;
  readonly #sockets: Played[] = [];

  constructor() {
    const sockets = this.#sockets;
    this.headway = new Headway({
      url: "http://127.0.0.1:1",
      shared: false,
      WebSocket: class extends Played {
        constructor() {
          super();
          sockets.push(this);
        }
      },
    });
  }

  /** How many connections were made. */
  get connections(): number {
    return this.#sockets.length;
  }

  /** Lets what is asked be answered: the connection is made. */
  async connect(): Promise<void> {
    await settled();
    const socket = this.#sockets.at(-1);
    if (socket === undefined) throw new Error("nothing was connected: does anything watch?");
    await act(async () => {
      socket.onopen?.({} as never);
      socket.says({ type: "hello", connection: "c", version: 1, heartbeat_ms: 20_000, max_message_bytes: 65_536, max_subscriptions: 256 });
      await turn();
    });
  }

  /** The server says something. */
  async says(...messages: readonly unknown[]): Promise<void> {
    const socket = this.#sockets.at(-1);
    await act(async () => {
      for (const message of messages) socket?.says(message);
      await turn();
    });
  }

  /** What was asked for: `subscribe` and `unsubscribe` with what they name, in order. */
  asked(): string[] {
    const sent = this.#sockets.flatMap((socket) => socket.sent).map((text) => JSON.parse(text) as Readonly<Record<string, string | undefined>>);
    return sent
      .filter(({ type }) => type === "subscribe" || type === "unsubscribe")
      .map(({ type, job, session, tag }) => [type, job ?? session ?? tag].filter((part) => part !== undefined).join(" "));
  }
}

/** A job's document as a snapshot. */
export function snapshot(document: JobDocument, offset = 1): unknown {
  const cursor = `0000000a-${offset}`;
  return { type: "snapshot", job: document.id, cursor, state: { ...document, cursor } };
}

/** A change of a job. */
export function update(job: string, offset: number, patch: object): unknown {
  return { type: "update", job, prev: `0000000a-${offset - 1}`, cursor: `0000000a-${offset}`, patch };
}

/** Everything that waits in this turn of Node's has happened, and what came of it is shown. */
export async function settled(): Promise<void> {
  await act(turn);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
