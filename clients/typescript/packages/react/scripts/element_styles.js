// Makes src/element/generated/styles.ts of the styles that <headway-progress> shares with the components.
// Inside a shadow root no variable of the page is set: one that is set there would hide what the page around it says.
// Where a variable is used, what it is otherwise stands beside it; of a colour, its default.

import { readFile, writeFile } from "node:fs/promises";

import { transform } from "esbuild";

import { shadowDefaults, withDefaults } from "./themes.js";

const STYLES = new URL("../src/styles/", import.meta.url);
const TARGET = new URL("../src/element/generated/styles.ts", import.meta.url);

const read = (name) => readFile(new URL(name, STYLES), "utf8");

const defaults = new Map();
const [settings] = (await read("variables.css")).match(/:where\(:root, :host\) \{.*?\n\}/s);
for (const [, name, value] of settings.matchAll(/^\s*(--headway-[\w-]+):\s*([^;]+);/gm)) if (!value.startsWith("light-dark(")) defaults.set(name, value);

const parts = await Promise.all(["element.css", "tones.css", "bar.css"].map(read));
const themed = withDefaults(parts.join("\n"));
const whole = shadowDefaults(themed) + themed.replaceAll(/var\((--headway-[\w-]+)\)/g, (use, name) => (defaults.has(name) ? `var(${name}, ${defaults.get(name)})` : use));
const { code } = await transform(whole, { loader: "css", minify: true, target: "esnext" });
const text = `// Generated from src/styles by \`npm run generate\`. Do not edit.\n\nexport const STYLES = ${JSON.stringify(code.trim())};\n`;

if (process.argv.includes("--check")) {
  const held = await readFile(TARGET, "utf8").catch(() => "");
  if (held !== text) {
    console.error("src/element/generated/styles.ts is not what src/styles says: npm run generate");
    process.exitCode = 1;
  }
} else await writeFile(TARGET, text);
