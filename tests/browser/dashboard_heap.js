// What a tab holds when there are very many jobs: a program to run, no test.
//
//     node dashboard_heap.js [--server ../../target/release/headway] [--jobs 100000] [--active 0.02] [--site ../../dashboard/dist] [--against OTHER/dist]
//
// Makes jobs, of which a share goes on and the others have ended, opens the list and scrolls through all
// of it. Prints what the tab's process and its heap hold at the top and at the end, beside those of an empty page, the
// most that was its own on the way, the rows drawn and how long it took. `against` compares with another build.

import { parseArgs } from "node:util";

import { begin, LIVE, megabytes, pause } from "./support/cost.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100000" },
    active: { type: "string", default: "0.02" },
    site: { type: "string" },
    against: { type: "string" },
  },
});
const [jobs, active] = [Number(values.jobs), Number(values.active)];
const { url, post, look, end } = await begin(values.server);

/** Jumps to the end until there is no more to read, and counts the rows drawn. */
const SCROLL = `new Promise((resolve) => {
  let drawn = 0;
  const on = () => {
    const said = document.querySelector(".jobs-end")?.textContent ?? "";
    drawn = Math.max(drawn, document.querySelectorAll("[role=row]").length);
    if (/^That is all: [\\d,]+ jobs\\.$/.test(said)) return resolve({ said, drawn });
    window.scrollTo(0, document.documentElement.scrollHeight);
    requestAnimationFrame(on);
  };
  on();
})`;

const told = ({ own, share, resident, heap, nodes }) => ({ own_mb: megabytes(own), share_mb: megabytes(share), resident_mb: megabytes(resident), heap_mb: megabytes(heap), nodes });

async function scroll(tab) {
  const empty = await tab.memory();
  const opened = performance.now();
  await tab.goto(`${url}/#/jobs`);
  await tab.until("document.querySelector('.job-row__link') !== null", { what: "the first row" });
  const seconds = (performance.now() - opened) / 1_000;
  await tab.until(LIVE, { what: "the page is live" });
  const top = await tab.memory();
  const began = performance.now();
  let over = false;
  const scrolling = tab.evaluate(SCROLL).finally(() => { over = true; });
  let most = 0;
  while (!over) {
    most = Math.max(most, (await tab.memory({ collect: false })).own);
    await pause(500);
  }
  const { said, drawn } = await scrolling;
  const took = (performance.now() - began) / 1_000;
  const last = await tab.memory();
  return {
    said,
    empty_page: told(empty),
    at_top: told(top),
    most_own_while_scrolling_mb: megabytes(most),
    at_end: told(last),
    heap_bytes_per_job: Math.round((last.heap - top.heap) / jobs),
    most_rows_drawn: drawn,
    seconds_to_first_row: Number(seconds.toFixed(2)),
    seconds_to_scroll_through: Math.round(took),
  };
}

try {
  let next = 0;
  const every = active > 0 ? Math.round(1 / active) : Infinity;
  const make = async () => {
    while (next < jobs) {
      const number = next;
      next += 1;
      const id = `job-${String(number).padStart(6, "0")}`;
      await post("/api/v1/jobs", { id, kind: "bench", name: `Import of file ${number}`, tags: ["bench"], total: 100 });
      await post(`/api/v1/jobs/${id}/events`, number % every === 0 ? [{ type: "start" }] : [{ type: "start" }, { type: "complete" }]);
    }
  };
  await Promise.all(Array.from({ length: 16 }, make));
  for (const site of values.against === undefined ? [values.site] : [values.against, values.site]) {
    console.log({ site: site ?? "the program's", ...(await look(site, scroll)) });
  }
} finally {
  await end();
}
