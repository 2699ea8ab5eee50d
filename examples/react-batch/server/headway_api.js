// What this site asks of Headway, with its key.

import { Refusal } from "./http.js";

/** @typedef {import("./people.js").Person} Person */
/** @typedef {{ readonly askedAt: number, readonly token: Promise<string> }} Made */

/** Longer than Headway takes for anything that is asked here. */
const PATIENCE_MS = 10_000;
/** Sessions whose newest token is kept; beyond that the oldest is let go, and another one made when it is asked for. */
const MOST = 10_000;

export class HeadwayApi {
  #url;
  #key;
  #tokenTtlMs;
  /** The newest token of each session, while it is young. @type {Map<string, Made>} */
  #tokens = new Map();

  /** @param {{ url: string, key: string, tokenTtlMs: number }} options */
  constructor({ url, key, tokenTtlMs }) {
    this.#url = new URL(url);
    this.#key = key;
    this.#tokenTtlMs = tokenTtlMs;
  }

  /**
   * A token for this person's batches: to watch, and to cancel. All tabs are given the same one for the
   * first half of its life, so that they share a connection; who renews asks later than that.
   *
   * @param {Person} person
   */
  async watchToken({ name, session }) {
    const known = this.#tokens.get(session);
    if (known !== undefined && Date.now() - known.askedAt < this.#tokenTtlMs / 2) return { token: await known.token };
    const request = { sessions: [session], subject: name, actions: ["cancel"], ttl_ms: this.#tokenTtlMs };
    const token = this.#ask("tokens", request).then((made) => String(made["token"]));
    this.#keep(session, { askedAt: Date.now(), token });
    try {
      return { token: await token };
    } catch (error) {
      this.#tokens.delete(session);
      throw error;
    }
  }

  /**
   * Starts a batch for this person. The same `attempt` again finds the batch that the first one started.
   *
   * @param {Person} person
   * @param {{ region: string, airports: readonly object[], attempt: string }} trip
   */
  async startBatch({ session }, { region, airports, attempt }) {
    const request = {
      kind: "round-trips",
      name: region,
      session,
      metadata: { region, airports: airports.length },
      items: airports,
    };
    const { id } = await this.#ask("batches", request, { "idempotency-key": `${session}:${attempt}` });
    return { id };
  }

  /** @param {string} path @param {object} body @param {Record<string, string>} headers @returns {Promise<Record<string, unknown>>} */
  async #ask(path, body, headers = {}) {
    const url = new URL(`api/v1/${path}`, this.#url);
    const response = await fetch(url, {
      method: "POST",
      headers: { ...headers, authorization: `Bearer ${this.#key}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((error) => {
      console.error(`${url} was not reached:`, error);
      throw new Refusal(503, "Planning is not available right now. Try again in a moment.");
    });
    if (response.ok) return response.json();
    // What Headway says of a refusal is for whoever runs this site, and not for its users.
    console.error(`${url} answered ${response.status}: ${await response.text()}`);
    throw new Refusal(502, "Planning refused this request. Try again in a moment.");
  }

  /** @param {string} session @param {Made} made */
  #keep(session, made) {
    this.#tokens.delete(session);
    this.#tokens.set(session, made);
    const [oldest] = this.#tokens.keys();
    if (this.#tokens.size > MOST && oldest !== undefined) this.#tokens.delete(oldest);
  }
}
