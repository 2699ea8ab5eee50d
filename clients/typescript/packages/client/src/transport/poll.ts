// The stream by long polls: a request each time, for where nothing else gets through.

import { isObject } from "../document/json.ts";
import type { Close } from "../session/connection.ts";
import { ask, reading, refusal, type Requests } from "./answer.ts";
import { parsed, type Listener, type Open, type Opening } from "./transport.ts";

/** How long the server holds an answer back while nothing happens. */
const WAIT_MS = 20_000;
/** The shortest time between two questions: changes in between come together. */
const PAUSE_MS = 200;

/** Connections by these requests. */
export function poll(requests: Requests): Open {
  return (opening, listener) => reading(listener, (signal) => read(requests, opening, listener, signal));
}

async function read(requests: Requests, opening: Opening, listener: Listener, signal: AbortSignal): Promise<Close> {
  let cursor: string | undefined;
  while (!signal.aborted) {
    const answer = await once(requests, opening, cursor, signal);
    if ("reason" in answer) return answer;
    told(answer, listener, signal);
    ({ cursor } = answer);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return { reason: "" };
}

interface Answer {
  readonly frames: readonly unknown[];
  readonly cursor: string;
}

async function once(requests: Requests, { url, token }: Opening, cursor: string | undefined, signal: AbortSignal): Promise<Answer | Close> {
  const address = new URL(url);
  address.searchParams.set("wait_ms", String(WAIT_MS));
  // Nothing is held yet where there is no cursor; an empty one is none.
  if (cursor !== undefined && cursor !== "") address.searchParams.set("cursor", cursor);
  const response = await ask(requests, address.href, { accept: "application/json", token, signal });
  if (response.status !== 200) return refusal(response);
  const answer = parsed(await response.text());
  if (!isObject(answer) || !Array.isArray(answer["frames"]) || typeof answer["cursor"] !== "string") {
    return { reason: "the answer is no poll's" };
  }
  return { frames: answer["frames"], cursor: answer["cursor"] };
}

function told({ frames }: Answer, listener: Listener, signal: AbortSignal): void {
  listener.opened();
  for (const frame of frames) {
    if (signal.aborted) return;
    listener.message(frame);
  }
}
