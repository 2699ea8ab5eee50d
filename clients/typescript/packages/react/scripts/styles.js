// Makes dist/styles.css of the parts in src/styles.

import { build } from "esbuild";

import { themes } from "./themes.js";

const PACKAGE = new URL("../", import.meta.url).pathname;

await build({
  entryPoints: [`${PACKAGE}src/styles/styles.css`],
  outfile: `${PACKAGE}dist/styles.css`,
  bundle: true,
  plugins: [themes],
  // What is written is what is served: whoever bundles it says which browsers are meant.
  target: "esnext",
  logLevel: "warning",
});
