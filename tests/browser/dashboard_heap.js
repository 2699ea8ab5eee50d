// What a tab holds when there are very many jobs: a program to run, no test.
//
//     node dashboard_heap.js [--server ../../target/release/headway] [--jobs 100000] [--active 0.02] [--site ../../dashboard/dist]
//
// Makes jobs, of which a share goes on and the others have ended, opens the list and scrolls through all
// of it. Prints what the tab's process and its heap hold at the top and at the end, beside those of an empty
// page, the rows drawn and how long it took.

import { parseArgs } from "node:util";

import { begin, megabytes } from "./support/cost.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100000" },
    active: { type: "string", default: "0.02" },
    site: { type: "string" },
  },
});
const [jobs, active] = [Number(values.jobs), Number(values.active)];
const { url, open, post, end } = await begin(values.server, { site: values.site });
const heldBy = async ({ measure, memory }) => {
  const { own, share, resident } = await memory();
  const { JSHeapUsedSize: heap, Nodes: nodes } = await measure();
  return { own_mb: megabytes(own), share_mb: megabytes(share), resident_mb: megabytes(resident), heap_mb: megabytes(heap), nodes };
};
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
  const tab = await open();
  const { page } = tab;
  const empty = await heldBy(tab);
  const opened = Date.now();
  await page.goto(`${url}/#/jobs`);
  await page.getByRole("table").getByRole("link").first().waitFor();
  const seconds = (Date.now() - opened) / 1000;
  await page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
  const top = await heldBy(tab);
  const began = Date.now();
  const all = page.getByText(/^That is all: [\d,]+ jobs\.$/);
  let rows = 0;
  while (!(await all.isVisible())) {
    rows = Math.max(rows, await page.getByRole("row").count());
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  const last = await heldBy(tab);
  console.log({
    said: await all.textContent(),
    empty_page: empty,
    at_top: top,
    at_end: last,
    heap_bytes_per_job: Math.round((1e6 * (last.heap_mb - top.heap_mb)) / jobs),
    most_rows_drawn: rows,
    seconds_to_first_row: Number(seconds.toFixed(2)),
    seconds_to_scroll_through: Math.round((Date.now() - began) / 1000),
  });
} finally {
  await end();
}
