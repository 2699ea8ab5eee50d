// The newest document of every job, folded from the stream.

import { ENDED } from "./status.js";

/** Jobs whose documents are kept; the oldest ended ones go first. */
const JOBS_KEPT = 1000;

/** A merge patch (RFC 7396) applied; the document given stays as it was. */
export function merged(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const isObject = target !== null && typeof target === "object" && !Array.isArray(target);
  const result = isObject ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

/**
 * The newest document of every job. What the stream said in this connection wins over what was
 * read by request, because only that fits the patches to come.
 */
export class Board {
  #jobs = new Map();
  #connection = 0;
  #onChange;
  #onLost;

  constructor(onChange, onLost) {
    this.#onChange = onChange;
    this.#onLost = onLost;
  }

  get(id) {
    return this.#jobs.get(id)?.document;
  }

  /** Every document, newest first. */
  newestFirst() {
    const all = [...this.#jobs.values()].map((held) => held.document);
    const order = (a, b) => (a.created_at < b.created_at) - (a.created_at > b.created_at)
      || (a.id < b.id) - (a.id > b.id);
    return all.sort(order);
  }

  connected() {
    this.#connection += 1;
  }

  /** Jobs that were not over when the connection broke and of which nothing was heard since. */
  unheard() {
    return [...this.#jobs.values()]
      .filter((held) => held.connection !== this.#connection && !ENDED.has(held.document.status))
      .map((held) => held.document.id);
  }

  fold(message) {
    if (message.type === "snapshot") {
      this.#put(message.job, message.cursor, message.state);
    } else if (message.type === "update") {
      const held = this.#jobs.get(message.job);
      if (held && held.cursor === message.cursor) return;
      if (held?.cursor === message.prev) this.#put(message.job, message.cursor, merged(held.document, message.patch));
      else this.#onLost();
    }
  }

  /** Takes a document that was read by request. */
  adopt(document) {
    const held = this.#jobs.get(document.id);
    if (held?.connection === this.#connection) return;
    this.#put(document.id, document.cursor, document);
  }

  /** Forgets every job. */
  clear() {
    this.#jobs.clear();
    this.#connection += 1;
  }

  forget(id) {
    if (this.#jobs.delete(id)) this.#onChange(id, undefined, undefined);
  }

  #put(id, cursor, document) {
    const before = this.#jobs.get(id)?.document;
    this.#jobs.set(id, { document, cursor, connection: this.#connection });
    if (this.#jobs.size > JOBS_KEPT) this.#shrink();
    this.#onChange(id, document, before);
  }

  #shrink() {
    const ended = this.newestFirst().filter((job) => ENDED.has(job.status));
    const last = ended.at(-1);
    if (last) this.forget(last.id);
  }
}
