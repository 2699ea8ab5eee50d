// Who is signed in. The proof is a cookie that no script can read; what is kept here is what the
// server says about it, and nothing of it outlives the page.

import { posting, send } from "./request.js";

/** How somebody has signed in, for those who have no name. */
const CREDENTIAL = { key: "API key", admin_key: "Admin key", jwt: "Somebody", token: "Watch token" };

/** What is pasted: a key by its form, anything else as a token. The server decides what it is. */
export function proofOf(text) {
  const bare = text.trim().replace(/^bearer\s+/i, "");
  return bare.startsWith("hw_") ? { key: bare } : { token: bare };
}

export class Session {
  /** What the server says of who is signed in; `null` when nobody is. */
  identity = null;
  #asking = null;
  /** Counts what changed who is signed in: an answer that is older says nothing. */
  #turn = 0;

  /**
   * Asks the server who is signed in. Resolves with the identity, or `null` when nobody is; fails with
   * a refusal when that cannot be found out now. Who asks meanwhile gets the same answer.
   */
  ask() {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #ask() {
    const turn = this.#turn;
    let identity = null;
    try {
      identity = await send("/identity");
    } catch (refusal) {
      if (refusal.status !== 401) throw refusal;
    }
    if (turn === this.#turn) this.identity = identity;
    return this.identity;
  }

  /** Signs in with a key or token, or fails with a refusal and leaves everything as it was. */
  async signIn(text) {
    const identity = await send("/session", posting(proofOf(text)));
    this.#turn += 1;
    this.identity = identity;
    return identity;
  }

  /** Ends the session on the server, or fails with a refusal and leaves everything as it was. */
  async signOut() {
    await send("/session", { method: "DELETE" });
    this.forget();
  }

  /** Takes it that nobody is signed in. */
  forget() {
    this.#turn += 1;
    this.identity = null;
  }

  /** Whether whoever is here sees a job. */
  async sees(job) {
    try {
      await send(`/jobs/${encodeURIComponent(job)}`);
      return true;
    } catch (refusal) {
      if (refusal.status === 404) return false;
      throw refusal;
    }
  }

  /** Whether this server asks anybody to sign in, as far as it was heard. */
  get asks() {
    return this.identity?.sign_in ?? true;
  }

  /** Whether whoever is here has a scope. */
  has(scope) {
    return this.identity?.scopes.includes(scope) ?? false;
  }

  /** Whether whoever is here may ask this of a job that they see. */
  may(action) {
    const listed = this.identity?.listed;
    return this.has("control") && (!listed || (listed.actions ?? []).includes(action));
  }

  /** The one job that there is to see, if it is just one. */
  get onlyJob() {
    const { jobs = [], sessions = [], tags = [] } = this.identity?.listed ?? {};
    return jobs.length === 1 && !sessions.length && !tags.length ? jobs[0] : null;
  }

  /** What a stream has to ask for, so that it brings everything that there is to see. */
  get selectors() {
    if (this.identity?.sees !== "listed") return [["all", "true"]];
    const { jobs = [], sessions = [], tags = [] } = this.identity.listed ?? {};
    const pairs = (key, names) => names.map((name) => [key, name]);
    return [...pairs("job", jobs), ...pairs("session", sessions), ...pairs("tag", tags)];
  }

  /** Whoever is here in a few words: a name, and what they are. */
  get words() {
    const { owner, role, scopes, credential } = this.identity;
    const name = owner.subject ?? CREDENTIAL[credential] ?? credential;
    const rights = role ?? (scopes.join(", ") || "no scopes");
    return { name, what: `${rights} · ${owner.tenant}` };
  }
}
