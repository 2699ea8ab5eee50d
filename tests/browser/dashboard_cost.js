// What a list with many live jobs costs its browser: a program to run, no test.
//
//     node dashboard_cost.js [--server ../../target/release/headway] [--jobs 100] [--rate 10] [--seconds 60]
//                            [--site ../../dashboard/dist] [--against OTHER/dist] [--rounds 1]
//
// Starts a server, reports to every job `rate` times a second, opens the dashboard in headless Chromium and prints the
// share of a core that the page's main thread, and all of its process, took: processor time, which does not grow on a
// busy machine as the clock's does. Beside that its memory at the beginning and at the end, and when it painted first.
// `against` compares with another build: both in turns under the same load, as often as `rounds` says.

import { parseArgs } from "node:util";

import { begin, LIVE, megabytes, pause } from "./support/cost.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100" },
    rate: { type: "string", default: "10" },
    seconds: { type: "string", default: "60" },
    place: { type: "string", default: "#/jobs" },
    site: { type: "string" },
    against: { type: "string" },
    rounds: { type: "string", default: "1" },
  },
});
const [jobs, rate, seconds, rounds] = [values.jobs, values.rate, values.seconds, values.rounds].map(Number);
const { url, post, look, end } = await begin(values.server);

async function watch(tab) {
  await tab.goto(`${url}/${values.place}`);
  await tab.until(LIVE, { what: "the page is live" });
  await pause(3_000);
  const paint = await tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime");
  const first = await tab.memory();
  const [began, before] = [performance.now(), await tab.time()];
  await pause(seconds * 1_000);
  const [passed, after] = [(performance.now() - began) / 1_000, await tab.time()];
  const last = await tab.memory();
  return {
    main_thread_share: Number(((after.main - before.main) / passed).toFixed(3)),
    process_share: Number(((after.all - before.all) / passed).toFixed(3)),
    own_begin_mb: megabytes(first.own),
    own_end_mb: megabytes(last.own),
    heap_begin_mb: megabytes(first.heap),
    heap_end_mb: megabytes(last.heap),
    nodes_begin: first.nodes,
    nodes_end: last.nodes,
    first_contentful_paint_ms: Math.round(paint),
  };
}

try {
  const ids = Array.from({ length: jobs }, (_, number) => `job-${number}`);
  for (const id of ids) await post("/api/v1/jobs", { id, kind: "bench", total: 1_000_000 });
  let done = 0;
  let made = 0;
  const reporting = setInterval(() => {
    done += 1;
    for (const id of ids) post(`/api/v1/jobs/${id}/events`, { type: "progress", done: done * 40, message: `step ${done}` }).then(() => { made += 1; }, () => {});
  }, 1_000 / rate);
  for (let round = 0; round < rounds; round += 1) {
    for (const site of values.against === undefined ? [values.site] : [values.against, values.site]) {
      const [began, before] = [performance.now(), made];
      const seen = await look(site, watch);
      console.log({ site: site ?? "the program's", jobs, updates_per_second: Math.round((made - before) / ((performance.now() - began) / 1_000)), ...seen });
    }
  }
  clearInterval(reporting);
} finally {
  await end();
}
