// What the programs that measure have in common: a server of their own, a browser, and its counters.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch } from "./chromium.js";

/** A server with an empty folder, a page and a way to ask, until `end`. */
export async function begin(program) {
  const folder = await mkdtemp(join(tmpdir(), "headway-cost-"));
  const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended (${code})`)));
    server.stdout.once("data", (text) => resolve(/https?:\/\/[^\s/]+/.exec(String(text))[0]));
  });
  server.removeAllListeners("exit");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  const browser = await launch();
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  return {
    url,
    page,
    post: (path, body) => new Promise((resolve, reject) => {
      const request = http.request(url + path, { method: "POST", headers: { "content-type": "application/json" }, agent }, (answer) => {
        answer.resume();
        answer.on("end", resolve);
      });
      request.on("error", reject);
      request.end(JSON.stringify(body));
    }),
    /** Counters of the page, its heap after what is not needed any more was let go. */
    async measure({ collect = false } = {}) {
      if (collect) await session.send("HeapProfiler.collectGarbage");
      const { metrics } = await session.send("Performance.getMetrics");
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    },
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

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
export const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));
