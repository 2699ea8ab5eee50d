// Requests and their refusals.

export const API = "/api/v1";

/** A refusal, with the sentence that the server gave. */
export class Refusal extends Error {
  /**
   * `status` is 0 when nobody answered. `retryAfterMs` is how long the server asks to wait, or `null`.
   */
  constructor(status, message, retryAfterMs = null) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether it says something about the server rather than about the request. */
  get mayPass() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Sends a request. The session's cookie goes along by itself. */
export async function send(path, options) {
  let response;
  try {
    response = await fetch(API + path, { headers: { accept: "application/json" }, ...options });
  } catch {
    throw new Refusal(0, "The server cannot be reached.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  const wait = Number.isNaN(seconds) ? null : seconds * 1000;
  throw new Refusal(response.status, body?.detail ?? body?.title ?? `The server answered ${response.status}.`, wait);
}

let unauthenticated = () => {};

/** Has `listener` called when a request is refused because nobody is signed in any more. */
export function whenUnauthenticated(listener) {
  unauthenticated = listener;
}

/** Sends a request for somebody who is signed in, where one has to be. */
export async function request(path, options) {
  try {
    return await send(path, options);
  } catch (refusal) {
    if (refusal.status === 401) unauthenticated();
    throw refusal;
  }
}

/** The options of a request that sends JSON. */
export const posting = (body) => ({
  method: "POST",
  headers: { accept: "application/json", "content-type": "application/json" },
  body: JSON.stringify(body),
});

export const post = (path, body) => request(path, posting(body));
