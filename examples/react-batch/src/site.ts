// What this page asks of its own server. Everything about batches it asks Headway.

/** Whoever is signed in, and what they can do here. */
export interface Account {
  readonly name: string;
  /** What their batches are found by. */
  readonly session: string;
  /** Where Headway is. */
  readonly headway: string;
  readonly regions: readonly Region[];
}

export interface Region {
  readonly name: string;
  readonly airports: number;
}

/** A refusal in the server's words, or that it was not reached. */
export class SiteError extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

/** Who is signed in; `null` when nobody is. */
export async function account(signal: AbortSignal): Promise<Account | null> {
  const { account: found } = await ask<{ readonly account: Account | null }>("GET", "/api/session", { signal });
  return found;
}

export async function signIn(name: string): Promise<void> {
  await ask("POST", "/api/session", { body: { name } });
}

export async function signOut(): Promise<void> {
  await ask("DELETE", "/api/session");
}

/** The token to watch with; `null` when nobody is signed in. Headway's client asks again before it ends. */
export async function watchToken(): Promise<string | null> {
  try {
    const { token } = await ask<{ readonly token: string }>("POST", "/api/session/token");
    return token;
  } catch (error) {
    if (error instanceof SiteError && error.status === 401) return null;
    throw error;
  }
}

/** Starts a batch; the same `attempt` again does not start another one. */
export function startBatch(region: string, attempt: string): Promise<{ readonly id: string }> {
  return ask("POST", "/api/batches", { body: { region, attempt } });
}

interface Sent {
  readonly body?: object;
  readonly signal?: AbortSignal;
}

async function ask<Body>(method: string, path: string, { body, signal }: Sent = {}): Promise<Body> {
  const request = { method, ...(signal && { signal }), ...(body && { body: JSON.stringify(body) }) };
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch (cause) {
    if (signal?.aborted === true) throw cause;
    throw new SiteError("Wayfare cannot be reached. Check your network and try again.");
  }
  const text = await response.text();
  if (response.ok) return (text === "" ? {} : JSON.parse(text)) as Body;
  throw new SiteError(messageOf(text) ?? `Wayfare answered ${response.status}. Try again in a moment.`, response.status);
}

/** What the server said; `undefined` when somebody else answered, such as a proxy. */
function messageOf(text: string): string | undefined {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}
