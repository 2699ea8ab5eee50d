// The built page: what is handed out was read at the start, so that no address reaches another file.

import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";

import { Refusal } from "./http.js";

/** @typedef {import("./http.js").Answer} Answer */
/** @typedef {import("./http.js").File} File */

/** @type {Record<string, string>} */
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css" };

export class Pages {
  #files;

  /** @param {Map<string, File>} files */
  constructor(files) {
    this.#files = files;
  }

  /** Reads what was built. `headway` is the only other origin that the page may reach. @param {string} folder @param {string} headway */
  static async read(folder, headway) {
    const names = await readdir(folder, { recursive: true }).catch((error) => {
      throw new Error(`the page is not built: run \`npm run build --workspace headway-example-react-batch\` (${folder})`, { cause: error });
    });
    const files = new Map();
    for (const name of names) {
      const type = TYPES[extname(name)];
      if (type === undefined) continue;
      const headers = { "Content-Type": type, ...(name === "index.html" ? ofPage(headway) : { "Cache-Control": "public, max-age=31536000, immutable" }) };
      files.set(name === "index.html" ? "/" : `/${name}`, { headers, content: await readFile(join(folder, name)) });
    }
    return new Pages(files);
  }

  /** @param {string | undefined} method @param {string} path @returns {Answer} */
  answer(method, path) {
    const file = this.#files.get(path);
    if (file === undefined) throw new Refusal(404, "There is nothing at this address.");
    if (method !== "GET" && method !== "HEAD") throw new Refusal(405, "This can only be read.");
    return { file };
  }
}

/** @param {string} headway */
function ofPage(headway) {
  const sockets = headway.replace(/^http/, "ws");
  return {
    "Content-Security-Policy": [
      "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src data:", `connect-src 'self' ${headway} ${sockets}`,
      "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
    ].join("; "),
    "Referrer-Policy": "no-referrer",
  };
}
