// Measures the watching core as a page would load it, and holds it to its budget.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const BUDGETS = [
  { entry: "src/watch.ts", name: "@headway/client/watch", bytes: 10 * 1024 },
  { entry: "src/index.ts", name: "@headway/client", bytes: 14 * 1024 },
];

for (const { entry, name, bytes } of BUDGETS) {
  const result = await build({
    entryPoints: [new URL(`../${entry}`, import.meta.url).pathname],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const [file] = result.outputFiles;
  const size = gzipSync(file.contents, { level: 9 }).length;
  console.log(`${name}: ${size} of ${bytes} bytes (minified ${file.contents.length})`);
  if (size > bytes) {
    console.error(`${name} is larger than its budget`);
    process.exitCode = 1;
  }
}
