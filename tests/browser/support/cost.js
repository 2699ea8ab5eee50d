// What the programs that measure have in common: a server of their own, and tabs to look at it with.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Bare, Tab } from "./tab.js";

/** A server with an empty folder, and a way to ask it, until `end`. */
export async function begin(program) {
  const folder = await mkdtemp(join(tmpdir(), "headway-cost-"));
  const server = spawn(program, ["serve", "--listen", "127.0.0.1:0", "--data", folder], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    server.once("exit", (code) => reject(new Error(`the server ended (${code})`)));
    server.stdout.once("data", (text) => resolve(/https?:\/\/[^\s/]+/.exec(String(text))[0]));
  });
  server.removeAllListeners("exit");
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  return {
    url,
    post: (path, body) => new Promise((resolve, reject) => {
      const request = http.request(url + path, { method: "POST", headers: { "content-type": "application/json" }, agent }, (answer) => {
        answer.resume();
        answer.on("end", resolve);
      });
      request.on("error", reject);
      request.end(JSON.stringify(body));
    }),
    /**
     * Gives a browser's only tab to `body`. With `site`, the dashboard's files come out of that folder in place of those in
     * the program.
     */
    async look(site, body) {
      const browser = await Bare.launch();
      try {
        const tab = await Tab.open(browser);
        if (site !== undefined) await tab.serve(url, site);
        return await body(tab);
      } finally {
        await browser.close();
      }
    },
    async end() {
      agent.destroy();
      await new Promise((resolve) => {
        server.once("exit", resolve);
        server.kill();
      });
      await rm(folder, { recursive: true });
    },
  };
}

/** Whether the page says that what it shows is live. */
export const LIVE = "[...document.querySelectorAll('header [role=status]')].some(({ textContent }) => textContent === 'Live')";

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
export const megabytes = (bytes) => Number((bytes / 1e6).toFixed(1));
