// Who is signed in at this site. A real product has accounts; here a name is enough, so that the
// example needs no database. Do not copy `signIn`.

import { randomBytes } from "node:crypto";

import { Refusal } from "./http.js";

/** @typedef {import("node:http").IncomingMessage} IncomingMessage */
/** @typedef {{ readonly name: string, readonly session: string }} Person `session`: what their batches are found by at Headway. */

const COOKIE = "wayfare";
const NAME = /^[a-z][a-z0-9-]{0,30}$/;
/** Sign-ins that are kept; beyond that the oldest ends. */
const MOST = 10_000;

export class People {
  /** @type {Map<string, Person>} */
  #signedIn = new Map();

  /** Gives the cookie. @param {unknown} given */
  signIn(given) {
    const name = typeof given === "string" ? given.trim().toLowerCase() : "";
    if (!NAME.test(name)) throw new Refusal(422, "A name begins with a letter and has at most 31 letters, digits and hyphens.");
    const [oldest] = this.#signedIn.keys();
    if (this.#signedIn.size >= MOST && oldest !== undefined) this.#signedIn.delete(oldest);
    const secret = randomBytes(32).toString("base64url");
    this.#signedIn.set(secret, { name, session: `s-${name}` });
    return cookie(secret, 86_400);
  }

  /** @param {IncomingMessage} request */
  signOut(request) {
    this.#signedIn.delete(secretOf(request));
    return cookie("", 0);
  }

  /** Whoever asks; `undefined` when nobody is signed in. @param {IncomingMessage} request */
  find(request) {
    return this.#signedIn.get(secretOf(request));
  }

  /** Whoever asks. @param {IncomingMessage} request @returns {Person} */
  of(request) {
    const person = this.find(request);
    if (person === undefined) throw new Refusal(401, "You are signed out.");
    return person;
  }
}

/** Behind TLS it would also say `Secure`. @param {string} secret @param {number} seconds */
function cookie(secret, seconds) {
  return `${COOKIE}=${secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}`;
}

/** @param {IncomingMessage} request */
function secretOf({ headers }) {
  const parts = (headers.cookie ?? "").split(/; */).map((part) => part.split("="));
  return parts.find(([name]) => name === COOKIE)?.[1] ?? "";
}
