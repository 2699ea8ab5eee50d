// Makes build/page, a page with every component in every state: `npm run gallery`.

import { mkdir, writeFile } from "node:fs/promises";

import { build } from "esbuild";

import { themes } from "../scripts/themes.js";

const PACKAGE = new URL("../", import.meta.url).pathname;

await mkdir(`${PACKAGE}build/page`, { recursive: true });
await build({
  entryPoints: { gallery: `${PACKAGE}gallery/gallery.tsx`, styles: `${PACKAGE}src/styles/styles.css`, page: `${PACKAGE}gallery/gallery.css` },
  outdir: `${PACKAGE}build/page`,
  bundle: true,
  plugins: [themes],
  format: "iife",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});
await writeFile(
  `${PACKAGE}build/page/index.html`,
  `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Components of @headway/react</title>
<link rel="stylesheet" href="styles.css">
<link rel="stylesheet" href="page.css">
<main id="root"></main>
<script src="gallery.js"></script>
</html>
`,
);
console.log("build/page/index.html");
