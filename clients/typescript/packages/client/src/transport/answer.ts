// Answers of the server that carry a stream, or say why there is none.

import { isObject } from "../document/json.ts";
import type { Close } from "../session/connection.ts";
import { parsed, type Connection, type Listener } from "./transport.ts";

/** Asks a server: the platform's `fetch`, or one like it. */
export type Fetch = (input: string, init: RequestInit) => Promise<Response>;

/** How requests are made. */
export interface Requests {
  readonly fetch: Fetch;
  readonly credentials: RequestCredentials | undefined;
}

/** Asks for a stream. */
export function ask(
  { fetch, credentials }: Requests,
  url: string,
  { accept, token, signal }: { accept: string; token: string | undefined; signal: AbortSignal },
): Promise<Response> {
  return fetch(url, {
    headers: { accept, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    cache: "no-store",
    ...(credentials !== undefined && { credentials }),
    signal,
  });
}

/** What an answer means that is no stream. */
export async function refusal(response: Response): Promise<Close> {
  const { status } = response;
  const text = await response.text().catch(() => "");
  const problem = parsed(text);
  const detail = isObject(problem) && typeof problem["detail"] === "string" ? problem["detail"] : undefined;
  const code = isObject(problem) && typeof problem["code"] === "string" ? problem["code"] : undefined;
  const retry = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    status,
    reason: detail ?? `the server answered ${status}`,
    ...(code !== undefined && { problem: code }),
    ...(Number.isFinite(retry) && { retryMs: retry * 1000 }),
  };
}

/** A connection that is read until it is over, or until nobody wants it any more. */
export function reading(listener: Listener, read: (signal: AbortSignal) => Promise<Close>): Connection {
  const abort = new AbortController();
  const { signal } = abort;
  const over = (close: Close): void => {
    if (!signal.aborted) listener.closed(close);
  };
  read(signal).then(over, (error: unknown) => {
    over({ reason: error instanceof Error ? error.message : String(error) });
  });
  return {
    send: () => undefined,
    close: () => {
      abort.abort();
    },
  };
}
