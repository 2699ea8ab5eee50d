// The rules of accessibility that a program can judge (axe-core: WCAG 2.2 A and AA, good practice).

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Waits until what moves into place has arrived: a colour on its way is none. */
export const settled = (page) => page.evaluate(() => Promise.allSettled(
  document.getAnimations().filter((one) => Number.isFinite(one.effect.getComputedTiming().endTime)).map((one) => one.finished),
));

/** Fails with every rule that the page breaks as it is now. */
export async function assertAccessible(page, where) {
  await page.evaluate(source);
  await settled(page);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join("; ")}`);
  assert.deepEqual(told, [], where);
}
