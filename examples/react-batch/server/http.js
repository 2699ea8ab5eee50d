// What requests to this server have in common.

/** @typedef {import("node:http").IncomingMessage} IncomingMessage */
/** @typedef {{ readonly status?: number, readonly body?: object, readonly file?: File, readonly cookie?: string }} Answer */
/** @typedef {{ readonly headers: Readonly<Record<string, string>>, readonly content: Buffer }} File */

/** More than anything that the page sends. */
const LONGEST_BODY = 4_096;

/** What the person is told when a request is not done. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whether a page of this site asks: cookies alone do not tell. @param {IncomingMessage} request */
export function sameSite({ headers: { origin, host } }) {
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** The members of a body. @param {IncomingMessage} request @returns {Promise<Record<string, unknown>>} */
export async function readJson(request) {
  let text = "";
  for await (const part of request.setEncoding("utf8")) {
    text += part;
    if (text.length > LONGEST_BODY) throw new Refusal(413, `The request has more than ${LONGEST_BODY} characters.`);
  }
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body;
  } catch {
    // What is no JSON is refused as what is no object is.
  }
  throw new Refusal(400, "The request has to be a JSON object.");
}
