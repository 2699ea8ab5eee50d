// Bundles the tests of @headway/react into this folder, where another React is found: by the components, and
// by the testing library too, which finds the newest one from where it is installed.

import { rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

/** Those that React has a part in. Others of the package would do the same again. */
const TESTS = ["components", "hooks", "server_rendering"];

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { version } = createRequire(import.meta.url)("react/package.json");
if (!version.startsWith("18.")) throw new Error(`React ${version} is found here, not 18: run \`npm install\` at the root of the repository`);

await rm(here("build"), { recursive: true, force: true });
await build({
  entryPoints: TESTS.map((name) => here(`../packages/react/test/unit/${name}.test.tsx`)),
  outdir: here("build"),
  bundle: true,
  platform: "node",
  format: "esm",
  jsx: "automatic",
  sourcemap: "inline",
  // A test's page is made by an import for nothing else.
  ignoreAnnotations: true,
  external: ["react", "react-dom", "jsdom", "axe-core"],
  // What is bundled of CommonJS asks for what is not by `require`.
  banner: { js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);' },
});
