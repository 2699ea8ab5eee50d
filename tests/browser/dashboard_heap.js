// What a tab holds when there are very many jobs: a program to run, no test.
//
//     node dashboard_heap.js [--server ../../target/release/headway] [--jobs 100000] [--active 0.02]
//
// Makes jobs, of which a share goes on and the others have ended, opens the list and scrolls through all
// of it. Prints the tab's heap at the top and at the end, the rows drawn and how long it took.

import { parseArgs } from "node:util";

import { begin, megabytes } from "./support/cost.js";

const { values } = parseArgs({
  options: {
    server: { type: "string", default: "../../target/release/headway" },
    jobs: { type: "string", default: "100000" },
    active: { type: "string", default: "0.02" },
  },
});
const [jobs, active] = [Number(values.jobs), Number(values.active)];
const { url, page, post, measure, end } = await begin(values.server);
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
  await page.goto(`${url}/#/jobs`);
  await page.getByRole("table").getByRole("link").first().waitFor();
  await page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
  const top = await measure({ collect: true });
  const began = Date.now();
  const all = page.getByText(/^That is all: [\d,]+ jobs\.$/);
  let rows = 0;
  while (!(await all.isVisible())) {
    rows = Math.max(rows, await page.getByRole("row").count());
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight));
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  const last = await measure({ collect: true });
  console.log({
    said: await all.textContent(),
    heap_at_top_mb: megabytes(top.JSHeapUsedSize),
    heap_at_end_mb: megabytes(last.JSHeapUsedSize),
    bytes_per_job: Math.round((last.JSHeapUsedSize - top.JSHeapUsedSize) / jobs),
    most_rows_drawn: rows,
    nodes: last.Nodes,
    seconds_to_scroll_through: Math.round((Date.now() - began) / 1000),
  });
} finally {
  await end();
}
