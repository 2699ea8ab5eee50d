// The stream over Server-Sent Events. By `fetch`, for an `EventSource` sends no header and hides why it failed.

import type { Close } from "../session/connection.ts";
import { ask, reading, refusal, type Requests } from "./answer.ts";
import { EventReader } from "./event_reader.ts";
import { parsed, type Listener, type Open, type Opening } from "./transport.ts";

/** Connections by these requests. */
export function events(requests: Requests): Open {
  return (opening, listener) => reading(listener, (signal) => read(requests, opening, listener, signal));
}

async function read(requests: Requests, { url, token }: Opening, listener: Listener, signal: AbortSignal): Promise<Close> {
  const response = await ask(requests, url, { accept: "text/event-stream", token, signal });
  const type = response.headers.get("content-type") ?? "";
  if (response.status !== 200 || response.body === null || !type.startsWith("text/event-stream")) return refusal(response);
  listener.opened();
  const reader = new EventReader();
  const body = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await body.read();
    if (done) return { reason: "the stream broke off" };
    const messages = reader.push(value);
    if (messages === undefined) {
      await body.cancel();
      return { reason: "an event is too large" };
    }
    if (messages.length === 0) listener.active();
    for (const message of messages) {
      // Whoever let the connection go while it was read wants no more of it.
      if (signal.aborted) return { reason: "" };
      listener.message(parsed(message));
    }
  }
}
