// What a list with many live jobs costs its browser: a program to run, no test.
//
//     node dashboard_cost.js [--server ../../target/release/headway] [--jobs 100] [--rate 10] [--seconds 60]
//
// Starts a server, reports to every job `rate` times a second, opens the dashboard in headless Chromium
// and prints the share of a core that the page's main thread was busy, its memory at the beginning and
// at the end, and when it painted first.

import { parseArgs } from "node:util";

import { begin, megabytes, pause } from "./support/cost.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100" },
    rate: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
    place: { type: "string", default: "#/jobs" },
  },
});
const [jobs, rate, seconds] = [values.jobs, values.rate, values.seconds].map(Number);
const { url, page, post, measure, end } = await begin(values.server);
try {
  const ids = Array.from({ length: jobs }, (_, number) => `job-${number}`);
  for (const id of ids) await post("/api/v1/jobs", { id, kind: "bench", total: 1_000_000 });
  let done = 0;
  const reporting = setInterval(() => {
    done += 1;
    for (const id of ids) post(`/api/v1/jobs/${id}/events`, { type: "progress", done, message: `step ${done}` }).catch(() => {});
  }, 1_000 / rate);
  await page.goto(`${url}/${values.place}`);
  await page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
  await pause(3_000);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
  const first = await measure({ collect: true });
  await pause(seconds * 1_000);
  const busy = await measure();
  const last = await measure({ collect: true });
  clearInterval(reporting);
  console.log({
    jobs,
    updates_per_second: jobs * rate,
    updates_made: done * jobs,
    main_thread_share: Number(((busy.TaskDuration - first.TaskDuration) / (busy.Timestamp - first.Timestamp)).toFixed(3)),
    heap_begin_mb: megabytes(first.JSHeapUsedSize),
    heap_end_mb: megabytes(last.JSHeapUsedSize),
    nodes_begin: first.Nodes,
    nodes_end: last.Nodes,
    first_contentful_paint_ms: Math.round(paint),
  });
} finally {
  await end();
}
