// What a first look at the dashboard costs: the entry with its style, and each page after it.

import { readdir, readFile, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const ASSETS = fileURLToPath(new URL("../dist/assets/", import.meta.url));
/** Bytes, compressed by gzip, that the entry may have: React, the client, the frame. */
const ENTRY = 120 * 1024;
/** Bytes of any other script. */
const CHUNK = 60 * 1024;

const names = await readdir(ASSETS).catch(() => []);
if (names.length === 0) {
  console.log("dist is not built: npm run build --workspace headway-dashboard");
  process.exit(0);
}
const html = await readFile(new URL("../dist/index.html", import.meta.url), "utf8");
let tooLarge = false;
for (const name of names.filter((file) => file.endsWith(".js")).sort()) {
  const { size } = await stat(names.includes(`${name}.gz`) ? `${ASSETS}${name}.gz` : ASSETS + name);
  const limit = html.includes(name) ? ENTRY : CHUNK;
  tooLarge ||= size > limit;
  console.log(`${name}: ${(size / 1024).toFixed(1)} KiB of ${limit / 1024} KiB${size > limit ? ", too large" : ""}`);
}
process.exitCode = tooLarge ? 1 : 0;
