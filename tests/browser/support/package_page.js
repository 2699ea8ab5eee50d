// Pages of the server's own origin that watch with the built package: what an application would load.

import { fileURLToPath } from "node:url";

import { build } from "esbuild";

export { ANSWERED as ARGS } from "./chromium.js";

/** What such a page runs: `watch` keeps what came of a job, as an application would show it. */
const PAGE = `
import { Headway } from "@headway/client";

const notes = new Map();
const params = new URLSearchParams(location.search);
const token = () => sessionStorage.getItem("token") ?? localStorage.getItem("token");
const signsIn = params.has("token");
const headway = new Headway({
  url: location.origin,
  ...(signsIn && { token }),
  ...(params.has("transport") && { transports: [params.get("transport")] }),
  ...(params.has("alone") && { shared: false }),
});

window.lab = {
  headway,
  watch(id, options = {}) {
    const note = { percents: [], events: [], gaps: 0 };
    notes.set(id, note);
    const onEvent = (event) => {
      if (event.type === "gap") note.gaps += 1;
      else note.events.push(event.event.message);
    };
    const watch = headway.watchJob(id, options.events ? { ...options, minIntervalMs: 0, onEvent } : { minIntervalMs: 0 });
    const look = () => {
      const { job, ended, error } = watch.getSnapshot();
      const percent = job?.progress?.percent;
      if (percent !== undefined && note.percents.at(-1) !== percent) note.percents.push(percent);
      Object.assign(note, { status: job?.status, percent, ended, error: error?.code, document: job });
    };
    watch.subscribe(look);
    note.close = () => watch.close();
    look();
  },
  unwatch: (id) => notes.get(id).close(),
  note(id) {
    const { close, ...note } = notes.get(id);
    return note;
  },
  percent: (id) => notes.get(id).percent,
  connection: () => headway.connection.getSnapshot(),
  see(visible) {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => (visible ? "visible" : "hidden") });
    document.dispatchEvent(new Event("visibilitychange"));
  },
};
`;

/** Where the pages are: the browser asks there, and is answered by the test. */
const PATH = "/lab/";

/** Pages for one browser. */
export class Lab {
  #context;
  #url;

  constructor(context, url) {
    this.#context = context;
    this.#url = url;
  }

  /** Has the pages of a browser answered. */
  static async open(context, url) {
    const { outputFiles } = await build({
      stdin: { contents: PAGE, resolveDir: fileURLToPath(new URL("../", import.meta.url)), sourcefile: "page.js" },
      outdir: "/out",
      bundle: true,
      splitting: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    const files = new Map(outputFiles.map(({ path, text }) => [path.slice("/out/".length), text]));
    await context.route(`${url}${PATH}**`, (route) => {
      const name = new URL(route.request().url()).pathname.slice(PATH.length);
      if (name === "") {
        return route.fulfill({ contentType: "text/html", body: "<!doctype html><title>Lab</title><script type=module src=stdin.js></script>" });
      }
      return route.fulfill({ contentType: "text/javascript", body: files.get(name) ?? "" });
    });
    return new Lab(context, url);
  }

  /** A new tab. */
  async tab(query = "", page = undefined) {
    const tab = page ?? await this.#context.newPage();
    await tab.goto(`${this.#url}${PATH}${query}`);
    await until(tab, () => window.lab !== undefined);
    return tab;
  }
}

/** How long a state may take: a client may wait 16 s before it comes back, and the machine may be busy. */
const PATIENCE = { timeout: 90_000 };

/** Resolves when it is so in a tab. */
export const until = (tab, ask, argument = null) => tab.waitForFunction(ask, argument, PATIENCE);
/** Watches a job in a tab. */
export const watch = (tab, id, options) => tab.evaluate(([job, how]) => window.lab.watch(job, how), [id, options]);
export const note = (tab, id) => tab.evaluate((job) => window.lab.note(job), id);
/** Resolves when a tab shows this percent of a job. */
export const shows = (tab, id, percent) => until(tab, ([job, wanted]) => window.lab.percent(job) === wanted, [id, percent]);
/** Resolves when the connection of a tab is so; members that are not named are of no interest. */
export const connectionIs = (tab, wanted) => until(tab, (members) => {
  const now = window.lab.connection();
  return Object.entries(members).every(([name, value]) => now[name] === value);
}, wanted);
/** Who of these tabs leads. */
export async function leaders(tabs) {
  const states = await Promise.all(tabs.map((tab) => tab.evaluate(() => window.lab.connection().tab)));
  return tabs.filter((_, place) => states[place] === "leads");
}

/** One figure of the server's counters; where one has to sign in, for the holder of a key. */
export async function figure(server, name, key = undefined) {
  const response = await fetch(`${server.url}/metrics`, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
  const line = (await response.text()).split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.split(" ")[1]);
}

/** How many watchers the server has by a transport. */
export const connections = (server, { transport = "websocket", key } = {}) => figure(server, `headway_connections{transport="${transport}"}`, key);

/** Asks again and again until it is so; says what it was last when it does not come. */
export async function eventually(what, ask, is) {
  const end = Date.now() + PATIENCE.timeout;
  for (;;) {
    const value = await ask();
    if (is(value)) return value;
    if (Date.now() > end) throw new Error(`${what}: it was ${JSON.stringify(value)} in the end`);
  }
}
