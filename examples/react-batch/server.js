// Wayfare's own server: serves the page, knows who is signed in, and asks Headway for them.
//
// The API key is here and nowhere else. A browser gets a token with which it can watch and cancel the
// batches of one person, and then watches Headway directly: no state goes through this server.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { env, exit } from "node:process";
import { fileURLToPath } from "node:url";

import { HeadwayApi } from "./server/headway_api.js";
import { readJson, Refusal, sameSite } from "./server/http.js";
import { Pages } from "./server/pages.js";
import { People } from "./server/people.js";
import { Regions } from "./server/regions.js";

const HEADWAY_URL = env["HEADWAY_URL"] ?? "http://127.0.0.1:4323";
/** Where browsers find Headway, if that is another address. */
const PUBLIC_URL = new URL(env["HEADWAY_PUBLIC_URL"] ?? HEADWAY_URL).origin;
const TOKEN_TTL_MS = Number(env["TOKEN_TTL_MS"] ?? 300_000);
const KEY_FILE = env["HEADWAY_KEY_FILE"];
const PORT = Number(env["PORT"] ?? 3000);

if (KEY_FILE === undefined) {
  console.error("HEADWAY_KEY_FILE is not set: name the file with this site's API key, as README.md says");
  exit(2);
}
const key = (await readFile(KEY_FILE, "utf8")).trim();
const headway = new HeadwayApi({ url: HEADWAY_URL, key, tokenTtlMs: TOKEN_TTL_MS });
const regions = await Regions.read(new URL("../quickstart/airports.csv", import.meta.url));
const pages = await Pages.read(fileURLToPath(new URL("dist/", import.meta.url)), PUBLIC_URL);
const people = new People();

/** @typedef {import("node:http").IncomingMessage} IncomingMessage */
/** @typedef {import("./server/http.js").Answer} Answer */

/** What the page can ask. @type {Record<string, (request: IncomingMessage) => Answer | Promise<Answer>>} */
const routes = {
  "GET /api/session": (request) => {
    const person = people.find(request);
    return { body: { account: person ? { ...person, headway: PUBLIC_URL, regions: regions.list() } : null } };
  },
  "POST /api/session": async (request) => {
    const { name } = await readJson(request);
    return { status: 201, body: {}, cookie: people.signIn(name) };
  },
  "DELETE /api/session": (request) => ({ status: 204, cookie: people.signOut(request) }),
  "POST /api/session/token": async (request) => ({ body: await headway.watchToken(people.of(request)) }),
  "POST /api/batches": async (request) => {
    const person = people.of(request);
    const { region, attempt } = await readJson(request);
    const airports = regions.airportsOf(region);
    return { status: 201, body: await headway.startBatch(person, { region: String(region), airports, attempt: String(attempt) }) };
  },
};

/** @param {IncomingMessage} request @returns {Promise<Answer>} */
async function answer(request) {
  const { pathname } = new URL(request.url ?? "/", "http://site");
  if (!pathname.startsWith("/api/")) return pages.answer(request.method, pathname);
  const route = routes[`${request.method} ${pathname}`];
  if (route === undefined) throw new Refusal(404, "There is nothing at this address.");
  if (request.method !== "GET" && !sameSite(request)) throw new Refusal(403, "Only pages of this site may ask for this.");
  return route(request);
}

const server = createServer((request, response) => {
  answer(request).catch(/** @returns {Answer} */ (error) => {
    if (error instanceof Refusal) return { status: error.status, body: { message: error.message } };
    console.error(error);
    return { status: 500, body: { message: "Something went wrong on our side. Try again in a moment." } };
  }).then(({ status = 200, body, file, cookie }) => {
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setHeader("Cache-Control", "no-store");
    if (cookie !== undefined) response.setHeader("Set-Cookie", cookie);
    for (const [name, value] of Object.entries(file?.headers ?? {})) response.setHeader(name, value);
    if (body !== undefined) response.setHeader("Content-Type", "application/json");
    response.writeHead(status).end(file?.content ?? (body && JSON.stringify(body)));
  });
});
server.requestTimeout = 10_000;
server.listen(PORT, "127.0.0.1", () => console.log(`Wayfare is at http://127.0.0.1:${PORT}`));
