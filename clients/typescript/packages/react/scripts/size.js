// Measures what a page would load, and holds it to its budgets.

import { gzipSync } from "node:zlib";

import { build } from "esbuild";

import { themes } from "./themes.js";

const PACKAGE = new URL("../", import.meta.url).pathname;
const KIB = 1024;
const BUDGETS = [
  { name: "@headway/react without React and the client", entry: "src/index.ts", external: ["react", "react/jsx-runtime", "@headway/client"], bytes: 16 * KIB },
  { name: "its hooks alone", stdin: 'export { HeadwayProvider, useJob, useJobs } from "./src/index.ts";', external: ["react", "react/jsx-runtime", "@headway/client"], bytes: 5 * KIB },
  { name: "@headway/react/element with @headway/client/watch", entry: "src/element.ts", external: [], bytes: 16 * KIB },
  { name: "@headway/react/styles.css", entry: "src/styles/styles.css", external: [], bytes: 5 * KIB },
];

for (const { name, entry, stdin, external, bytes } of BUDGETS) {
  const style = entry?.endsWith(".css") === true;
  const { outputFiles, metafile } = await build({
    ...(entry === undefined ? { stdin: { contents: stdin, resolveDir: PACKAGE, loader: "ts" } } : { entryPoints: [PACKAGE + entry] }),
    bundle: true,
    plugins: [themes],
    minify: true,
    format: "esm",
    splitting: !style,
    target: style ? "esnext" : "es2022",
    jsx: "automatic",
    external,
    outdir: `${PACKAGE}build/size`,
    metafile: true,
    write: false,
  });
  // What the page loads at once. What is imported later, where tabs share a connection, has a budget of its own there.
  const outputs = Object.entries(metafile.outputs);
  const [first] = outputs.find(([, { entryPoint }]) => entryPoint !== undefined && (entry === undefined || entryPoint.endsWith(entry)));
  const loaded = new Set([first]);
  for (const file of loaded) {
    for (const { path, kind } of metafile.outputs[file].imports) if (kind === "import-statement" && metafile.outputs[path] !== undefined) loaded.add(path);
  }
  const files = outputFiles.filter(({ path }) => [...loaded].some((file) => path.endsWith(file.replace(/^.*build\//, ""))));
  const size = files.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0);
  console.log(`${name}: ${size} of ${bytes} bytes`);
  if (files.length !== loaded.size) throw new Error(`${loaded.size} files are loaded and ${files.length} were found`);
  if (size > bytes) {
    console.error(`${name} is larger than its budget`);
    process.exitCode = 1;
  }
}
