// Requests and their refusals.

export const API = "/api/v1";

/** A refusal, with the sentence that the server gave. */
export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function request(path, options) {
  let response;
  try {
    response = await fetch(API + path, { headers: { accept: "application/json" }, ...options });
  } catch {
    throw new Refusal(0, "The server cannot be reached.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(response.status, body?.detail ?? body?.title ?? `The server answered ${response.status}.`);
}

export const post = (path, body) => request(path, {
  method: "POST",
  headers: { accept: "application/json", "content-type": "application/json" },
  body: JSON.stringify(body),
});
