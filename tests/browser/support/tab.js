// A tab that nobody listens in on: for measuring, where what drives the other tests would keep every answer and tell of
// every frame.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, relative } from "node:path";
import { createInterface } from "node:readline";

import { WebSocket } from "ws";

import { ANSWERED } from "./chromium.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml" };
/** The browser, by its own protocol. */
export class Bare {
  #process;
  #folder;
  #socket;
  #number = 0;
  #asked = new Map();
  #heard = new Map();

  static async launch() {
    const folder = await mkdtemp(join(tmpdir(), "headway-tab-"));
    const chromium = spawn(process.env.CHROMIUM ?? "/usr/bin/chromium", [...ANSWERED, "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
    let address;
    for await (const line of createInterface(chromium.stderr)) {
      address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (address !== undefined) break;
    }
    if (address === undefined) throw new Error("the browser ended before it could be asked anything");
    chromium.stderr.resume();
    const socket = new WebSocket(address, { perMessageDeflate: false });
    await once(socket, "open");
    return new Bare(chromium, folder, socket);
  }

  constructor(process, folder, socket) {
    this.#process = process;
    this.#folder = folder;
    this.#socket = socket;
    socket.on("message", (text) => {
      const { id, result, error, method, params, sessionId } = JSON.parse(text);
      if (id === undefined) {
        this.#heard.get(`${sessionId} ${method}`)?.(params);
        return;
      }
      const { resolve, reject } = this.#asked.get(id);
      this.#asked.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error.message));
    });
  }

  ask(method, params = {}, sessionId = undefined) {
    this.#number += 1;
    const id = this.#number;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
    });
  }

  hear(sessionId, method, listener) {
    this.#heard.set(`${sessionId} ${method}`, listener);
  }

  /** Ids of the processes that pages run in. The browser's own window is drawn by one of them as well: it is left out. */
  async renderers() {
    const { processInfo } = await this.ask("SystemInfo.getProcessInfo");
    const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
    const commands = await Promise.all(renderers.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
    return renderers.filter((_, place) => !commands[place].includes("--top-chrome-webui"));
  }

  async close() {
    const ended = once(this.#process, "exit");
    this.#socket.close();
    this.#process.kill();
    await ended;
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The only page of its browser. */
export class Tab {
  #browser;
  #session;
  /** Its process, once it was looked for. */
  #process;

  static async open(browser) {
    const { targetId } = await browser.ask("Target.createTarget", { url: "about:blank", newWindow: true });
    const { sessionId } = await browser.ask("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(browser, sessionId);
    await tab.ask("Emulation.setDeviceMetricsOverride", { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false });
    return tab;
  }

  constructor(browser, session) {
    this.#browser = browser;
    this.#session = session;
  }

  ask(method, params) {
    return this.#browser.ask(method, params, this.#session);
  }

  hear(method, listener) {
    this.#browser.hear(this.#session, method, listener);
  }

  goto(url) {
    this.#process = undefined;
    return this.ask("Page.navigate", { url });
  }

  /** Answers requests for what is in a folder out of it, before the page is opened. */
  async serve(url, site) {
    const files = (await readdir(site, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map(({ parentPath, name }) => relative(site, join(parentPath, name)));
    this.hear("Fetch.requestPaused", async ({ requestId, request }) => {
      const path = new URL(request.url).pathname.slice(1) || "index.html";
      await this.ask("Fetch.fulfillRequest", {
        requestId,
        responseCode: 200,
        responseHeaders: [{ name: "content-type", value: TYPES[extname(path)] ?? "application/json" }],
        body: await readFile(join(site, path), "base64"),
      });
    });
    await this.ask("Fetch.enable", { patterns: ["", ...files].map((path) => ({ urlPattern: `${url}/${path}` })) });
  }

  /** What an expression, or the promise that it is, comes to. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.ask("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** Waits until an expression is true. */
  async until(expression, { what = expression, limit = 120_000 } = {}) {
    const came = await this.evaluate(`new Promise((resolve) => {
      const ends = performance.now() + ${limit};
      const look = () => {
        if (${expression}) resolve(true);
        else if (performance.now() > ends) resolve(false);
        else setTimeout(look, 50);
      };
      look();
    })`);
    if (!came) throw new Error(`not within ${limit / 1000} s: ${what}`);
  }

  /** The page's process: the one that works when the page does, for the browser has others that show nothing. */
  async process() {
    if (this.#process !== undefined) return this.#process;
    const times = async () => new Map(await Promise.all((await this.#browser.renderers()).map(async (id) => [id, await mainTime(id).catch(() => 0)])));
    /** What each has worked in the turn in which it worked the least. */
    const least = new Map();
    for (let turn = 0; turn < 3; turn += 1) {
      const before = await times();
      await this.evaluate("{ const ends = performance.now() + 200; while (performance.now() < ends); }");
      for (const [id, time] of await times()) least.set(id, Math.min(least.get(id) ?? Infinity, time - (before.get(id) ?? time)));
    }
    [this.#process] = [...least].reduce((most, one) => (one[1] > most[1] ? one : most));
    return this.#process;
  }

  /**
   * What it holds, in bytes. Of its process: `own` is its alone, `share` has in addition its part of what it shares with
   * the browser's other processes, `resident` counts the program's text as if it were its own.
   */
  async memory({ collect = true } = {}) {
    if (collect) await this.ask("HeapProfiler.collectGarbage");
    const { own, share, resident } = await heldBy(await this.process());
    const { usedSize: heap } = await this.ask("Runtime.getHeapUsage");
    const { nodes } = await this.ask("Memory.getDOMCounters");
    return { own, share, resident, heap, nodes };
  }

  /** Processor time that its main thread and all of its process have taken so far, in seconds. */
  async time() {
    const id = await this.process();
    const main = await mainTime(id);
    const fields = (await readFile(`/proc/${id}/stat`, "utf8")).replace(/^.*\) /, "").split(" ");
    return { main, all: (Number(fields[11]) + Number(fields[12])) / TICKS };
  }
}

/** How many parts of a second Linux counts a process's time in. */
const TICKS = 100;

async function mainTime(process) {
  return Number((await readFile(`/proc/${process}/task/${process}/schedstat`, "utf8")).split(" ")[0]) / 1e9;
}

async function heldBy(process) {
  const text = await readFile(`/proc/${process}/smaps_rollup`, "utf8");
  const bytes = (name) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
  return { own: bytes("Private_Clean") + bytes("Private_Dirty"), share: bytes("Pss"), resident: bytes("Rss") };
}
