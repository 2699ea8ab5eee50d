// Requests to one server.

import { isObject } from "../document/json.ts";
import type { Problem } from "../protocol/generated/contract.ts";
import type { Fetch } from "../transport/answer.ts";
import { HeadwayError } from "./error.ts";
import type { ServerTime } from "./server_time.ts";
import type { Tokens } from "./tokens.ts";

/** What every request can be given. */
export interface RequestOptions {
  /** Ends the request, which then fails with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What requests that make something can be given. */
export interface CreateOptions extends RequestOptions {
  /** A repeat with the same key finds what the first made, so that it can be sent again when no answer came. */
  readonly idempotencyKey?: string | undefined;
}

/** Values of a query; what is `undefined` is not said, lists are joined by commas. */
export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | null | undefined>>;

interface Sent extends RequestOptions {
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON, unless it is a form. */
  readonly body?: unknown;
}

/** Sends requests, signs them, and makes errors of refusals. */
export class Requester {
  readonly #base: string;
  readonly #fetch: Fetch;
  readonly #credentials: RequestCredentials | undefined;
  readonly #tokens: Tokens;
  readonly #time: ServerTime;
  readonly #changed: () => void;

  /** `changed` is called after each request that may have changed something. */
  constructor(base: string, fetch: Fetch, credentials: RequestCredentials | undefined, tokens: Tokens, time: ServerTime, changed: () => void) {
    this.#base = base;
    this.#fetch = fetch;
    this.#credentials = credentials;
    this.#tokens = tokens;
    this.#time = time;
    this.#changed = changed;
  }

  /** The JSON of an answer, which is as the contract says. */
  async json<Answer>(method: "GET" | "POST", path: string, sent: Sent = {}): Promise<Answer> {
    const response = await this.send(method, path, sent);
    try {
      return (await response.json()) as Answer;
    } catch (error) {
      throw new HeadwayError(`the answer to ${method} ${path} is not JSON`, { status: response.status, cause: error });
    }
  }

  /** The answer to a request that was not refused. A token that is not taken is replaced once, by another one. */
  async send(method: "GET" | "POST" | "DELETE", path: string, sent: Sent = {}): Promise<Response> {
    const token = await this.#tokens.current();
    let response = await this.#once(method, path, sent, token);
    if (response.status === 401 && token !== null) {
      const next = await this.#tokens.after(token);
      if (next !== undefined) {
        await response.body?.cancel();
        response = await this.#once(method, path, sent, next);
      }
    }
    if (!response.ok) throw await refused(response);
    if (method !== "GET") this.#changed();
    return response;
  }

  async #once(method: string, path: string, sent: Sent, token: string | null): Promise<Response> {
    const { body, signal } = sent;
    const isForm = body instanceof FormData;
    try {
      const answer = this.#fetch(this.#base + path + search(sent.query), {
        method,
        headers: {
          ...(body !== undefined && !isForm && { "content-type": "application/json" }),
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...sent.headers,
        },
        ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
        ...(this.#credentials !== undefined && { credentials: this.#credentials }),
        ...(signal !== undefined && { signal }),
      });
      return await this.#time.during(answer);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      throw new HeadwayError(`${this.#base} cannot be reached`, { cause: error });
    }
  }
}

/** The headers of a request that makes something. */
export function creating({ idempotencyKey }: CreateOptions): Readonly<Record<string, string>> {
  return idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey };
}

/** A path whose parts are names that may have any sign in them. */
export function path(...parts: readonly string[]): string {
  return `/api/v1/${parts.map(encodeURIComponent).join("/")}`;
}

function search(query: Query = {}): string {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null) continue;
    said.append(name, typeof value === "object" ? value.join(",") : String(value));
  }
  const text = said.toString();
  return text === "" ? "" : `?${text}`;
}

async function refused(response: Response): Promise<HeadwayError> {
  const { status } = response;
  const retry = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(retry) ? retry * 1000 : undefined;
  const problem = await response.json().catch(() => undefined) as unknown;
  if (!isProblem(problem)) return new HeadwayError(`the server answered ${status}`, { status, retryAfterMs });
  return new HeadwayError(problem.detail, { status, problem, retryAfterMs });
}

function isProblem(value: unknown): value is Problem {
  return isObject(value) && typeof value["code"] === "string" && typeof value["detail"] === "string";
}
