// What the programs that measure have in common: a server of their own, a browser, and its counters.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

import { launch } from "./chromium.js";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2", ".svg": "image/svg+xml" };

/**
 * A server with an empty folder, a page and a way to ask, until `end`. With `site`, the dashboard's files come out of that
 * folder in place of those in the program: two builds can so be compared on one server.
 */
export async function begin(program, { site } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "headway-cost-"));
  const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended (${code})`)));
    server.stdout.once("data", (text) => resolve(/https?:\/\/[^\s/]+/.exec(String(text))[0]));
  });
  server.removeAllListeners("exit");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const browser = await launch();
  const whole = await browser.newBrowserCDPSession();
  return {
    url,
    open: (from = site) => openPage(browser, whole, url, from),
    post: (path, body) => new Promise((resolve, reject) => {
      const request = http.request(url + path, { method: "POST", headers: { "content-type": "application/json" }, agent }, (answer) => {
        answer.resume();
        answer.on("end", resolve);
      });
      request.on("error", reject);
      request.end(JSON.stringify(body));
    }),
    async end() {
      await browser.close();
      agent.destroy();
      await new Promise((resolve) => {
        server.once("exit", resolve);
        server.kill();
      });
      await rm(folder, { recursive: true });
    },
  };
}

/** A page of its own context, and its counters. */
async function openPage(browser, whole, url, site) {
  const before = new Set(await renderers(whole));
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  if (site !== undefined) await serve(session, url, site);
  return {
    page,
    session,
    /** Counters of the page, its heap after what is not needed any more was let go. */
    async measure({ collect = false } = {}) {
      if (collect) await session.send("HeapProfiler.collectGarbage");
      const { metrics } = await session.send("Performance.getMetrics");
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    },
    /**
     * What the page's process holds, in bytes: `own` is its alone, `share` has in addition its part of what it shares
     * with the browser's other processes, `resident` counts the program's text as if it were its own.
     */
    async memory({ collect = true } = {}) {
      if (collect) await session.send("HeapProfiler.collectGarbage");
      // A page that went elsewhere may have left a process behind, which holds next to nothing.
      const held = await Promise.all((await renderers(whole)).filter((id) => !before.has(id)).map(memoryOf));
      return held.reduce((most, one) => (one.own > most.own ? one : most));
    },
  };
}

/** Processes that pages run in. */
async function renderers(whole) {
  const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
  return processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
}

async function memoryOf(process) {
  const text = await readFile(`/proc/${process}/smaps_rollup`, "utf8");
  const kilobytes = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
  return { own: 1024 * (kilobytes("Private_Clean") + kilobytes("Private_Dirty")), share: 1024 * kilobytes("Pss"), resident: 1024 * kilobytes("Rss") };
}

/** Answers requests for the dashboard's files out of a folder. */
async function serve(session, url, site) {
  session.on("Fetch.requestPaused", async ({ requestId, request }) => {
    const path = new URL(request.url).pathname.slice(1) || "index.html";
    const body = await readFile(join(site, path)).catch(() => undefined);
    const answer = body === undefined
      ? session.send("Fetch.fulfillRequest", { requestId, responseCode: 404 })
      : session.send("Fetch.fulfillRequest", { requestId, responseCode: 200, responseHeaders: [{ name: "content-type", value: TYPES[extname(path)] ?? "application/octet-stream" }], body: body.toString("base64") });
    await answer.catch(() => {});
  });
  await session.send("Fetch.enable", { patterns: [{ urlPattern: `${url}/` }, { urlPattern: `${url}/assets/*` }] });
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
export const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));
