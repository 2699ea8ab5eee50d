// Measures what a page loads, and holds it to its budget: the entry, and what it loads later where it is
// used. `target` is what the browsers of today read.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const BUDGETS = [
  { entry: "src/watch.ts", name: "@headway/client/watch", bytes: 10 * 1024, later: 6 * 1024 },
  { entry: "src/index.ts", name: "@headway/client", bytes: 15 * 1024, later: 6 * 1024 },
];

for (const { entry, name, bytes, later } of BUDGETS) {
  const { outputFiles, metafile } = await build({
    entryPoints: [new URL(`../${entry}`, import.meta.url).pathname],
    outdir: "out",
    bundle: true,
    splitting: true,
    metafile: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const sizes = new Map(outputFiles.map(({ path, contents }) => [path, gzipSync(contents, { level: 9 }).length]));
  const size = (file) => [...sizes].find(([path]) => path.endsWith(`/${file}`))?.[1] ?? 0;
  // What the entry imports comes with it; the rest only when it is asked for.
  const first = new Set();
  const add = (file) => {
    if (first.has(file)) return;
    first.add(file);
    for (const { path, kind } of metafile.outputs[file].imports) if (kind === "import-statement") add(path);
  };
  for (const [file, { entryPoint }] of Object.entries(metafile.outputs)) if (entryPoint?.endsWith(entry)) add(file);
  let [now, then] = [0, 0];
  for (const file of Object.keys(metafile.outputs)) {
    if (first.has(file)) now += size(file);
    else then += size(file);
  }
  console.log(`${name}: ${now} of ${bytes} bytes, and ${then} of ${later} for tabs that share (${now + then} in all)`);
  if (now > bytes || then > later) {
    console.error(`${name} is larger than its budget`);
    process.exitCode = 1;
  }
}
