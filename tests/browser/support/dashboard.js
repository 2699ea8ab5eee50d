// The dashboard as a person finds it: by roles, names and words.

/** The state of the connection says that what is shown is live. */
export const live = (page) => page.getByRole("banner").getByText("Live", { exact: true }).waitFor();
/** The page says that what it shows may be old. */
export const away = (page) => page.getByRole("banner").getByText(/^(Reconnecting…|Offline)$/).waitFor();

/** A job's row in the list, by the name or id that it is called by. */
export const row = (page, title) => page.getByRole("row").filter({ has: page.getByRole("link", { name: title, exact: true }) });
/** Names of the rows that are drawn, from the top. */
export const titles = (page) => page.getByRole("table", { name: "Jobs, newest first" }).getByRole("link").allTextContents();

/** The heading of a job's or batch's page. */
export const heading = (page, title) => page.getByRole("heading", { level: 1, name: title, exact: true });
/** How far a job is on its page, once that is so many percent. */
export const percent = (page, value) => page.getByRole("main").getByText(`${value}%`, { exact: true }).first().waitFor();
/** How far a batch is: its percent, its counts, its status. */
export const progress = (page, name) => page.getByRole("region", { name, exact: true });
/** Waits until a batch's page shows a status. */
export const batchIs = (page, name, status) => progress(page, name).and(page.locator(`[data-status="${status}"]`)).waitFor();
/** The button of something that can be asked of a job. */
export const button = (page, name) => page.getByRole("main").getByRole("button", { name, exact: true });

/** The counts of a batch as they are shown, by their words. */
export async function counts(page, name) {
  const parts = await progress(page, name).getByRole("list", { name: "Items" }).getByRole("listitem").allTextContents();
  return Object.fromEntries(parts.map((part) => {
    const [, word, number] = /^(.*?)([\d,]+)$/.exec(part) ?? [];
    return [word?.trim().toLowerCase(), Number(number?.replaceAll(",", ""))];
  }));
}

/** What the counts of a document are by the same words; what is none of is shown for four of them. */
export function countsOf({ items: { total: _total, ...statuses } }) {
  const always = ["succeeded", "failed", "running", "queued"];
  return Object.fromEntries(Object.entries(statuses).filter(([status, count]) => count > 0 || always.includes(status)));
}

/** Keeps everything that a batch's page says of how far it is, from now on: percents, and counts with their sum. */
export async function record(page, name) {
  await page.evaluate((label) => {
    const seen = { percents: [], settled: [], sums: [] };
    window.seen = seen;
    const keep = (list, value) => {
      if (list.at(-1) !== value) list.push(value);
    };
    const look = () => {
      const bar = document.querySelector(`[role=progressbar][aria-label="${label}"]`);
      const now = bar?.getAttribute("aria-valuenow");
      if (now != null) keep(seen.percents, Number(now));
      const list = bar?.closest("section")?.querySelector("ul");
      if (list == null) return;
      const counted = [...list.children].map((part) => [part.dataset.status, Number(/([\d,]+)$/.exec(part.textContent)[1].replaceAll(",", ""))]);
      keep(seen.sums, counted.reduce((sum, [, count]) => sum + count, 0));
      keep(seen.settled, counted.filter(([status]) => status === "succeeded" || status === "failed").reduce((sum, [, count]) => sum + count, 0));
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
  }, name);
}

/** What was kept so far. */
export const recorded = (page) => page.evaluate(() => window.seen);

/** Marks the document, so that `isMarked` shows whether it is still the same one. */
export const mark = (page) => page.evaluate(() => { window.sameDocument = true; });
export const isMarked = (page) => page.evaluate(() => window.sameDocument === true);

/** Fails when the page is wider than its window. */
export async function assertNoSidewaysScrolling(page, where) {
  const [content, visible] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  if (content > visible) {
    const wide = await page.evaluate(() => [...document.querySelectorAll("main *")]
      .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 5).map((node) => `${node.tagName}.${node.className}`));
    throw new Error(`${where}: ${content} px in a window of ${visible} px: ${wide.join(", ")}`);
  }
}
