// What a page with many live jobs costs its browser: a program to run, no test.
//
//     node page_cost.js [--server ../../target/release/headway] [--jobs 100] [--rate 10] [--seconds 60]
//
// Starts a server, reports to every job `rate` times a second, opens the page in headless Chromium and
// prints the share of a core that the page's main thread was busy, and its memory at the beginning
// and at the end.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100" },
    rate: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
    chromium: { type: "string", default: "/usr/bin/chromium" },
  },
});
const [jobs, rate, seconds] = [values.jobs, values.rate, values.seconds].map(Number);
const folder = mkdtempSync(join(tmpdir(), "headway-page-"));
const server = spawn(values.server, ["serve", "--listen", "127.0.0.1:0", "--data", folder], {
  stdio: ["ignore", "pipe", "inherit"],
});
const url = await new Promise((resolve) => {
  server.stdout.once("data", (text) => resolve(/https?:\S+/.exec(String(text))[0]));
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

function post(path, body) {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Type": "application/json" };
    const request = http.request(url + path, { method: "POST", headers, agent }, (answer) => {
      answer.resume();
      answer.on("end", resolve);
    });
    request.on("error", reject);
    request.end(JSON.stringify(body));
  });
}

const ids = Array.from({ length: jobs }, (_, number) => `job-${number}`);
for (const id of ids) await post("/api/v1/jobs", { id, kind: "bench", total: 1_000_000 });
let done = 0;
const reporting = setInterval(() => {
  done += 1;
  for (const id of ids) {
    const message = `step ${done}`;
    post(`/api/v1/jobs/${id}/events`, { type: "progress", done, message }).catch(() => {});
  }
}, 1_000 / rate);

const browser = await chromium.launch({ executablePath: values.chromium, args: ["--no-sandbox"] });
const page = await browser.newPage();
await page.goto(url);
const session = await page.context().newCDPSession(page);
await session.send("Performance.enable");
const measure = async () => {
  const { metrics } = await session.send("Performance.getMetrics");
  return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
};
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
await pause(3_000);
const first = await measure();
await pause(seconds * 1_000);
const last = await measure();
clearInterval(reporting);
const busy = (last.TaskDuration - first.TaskDuration) / (last.Timestamp - first.Timestamp);
console.log({
  jobs,
  updates_per_second: jobs * rate,
  main_thread_share: Number(busy.toFixed(3)),
  heap_begin_mb: Number((first.JSHeapUsedSize / 1e6).toFixed(1)),
  heap_end_mb: Number((last.JSHeapUsedSize / 1e6).toFixed(1)),
  nodes_begin: first.Nodes,
  nodes_end: last.Nodes,
});
await browser.close();
server.kill();
agent.destroy();
server.once("exit", () => rmSync(folder, { recursive: true }));
