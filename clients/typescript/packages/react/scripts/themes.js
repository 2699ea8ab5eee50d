// What is published of the colours in src/styles/variables.css, where each stands once with both of its themes.
//
// Written out it is plain sets of variables. `light-dark()` is not published: bundlers write it anew for older browsers in
// a way that needs `color-scheme` to stand in the same file as a plain word, and without it every colour is lost.
// What a set gives is `--headway-default-NAME`; `--headway-NAME` is the application's, and nothing here sets it, so that no
// theme inside a page hides what the application said around it. Where one is used, its default stands beside it.

import { readFile } from "node:fs/promises";

const STYLES = new URL("../src/styles/", import.meta.url);
const COLOUR = /^\s*--headway-([\w-]+): light-dark\((.+), (.+)\);\n/gm;
const CONTRAST = "@media (prefers-contrast: more)";

const source = await readFile(new URL("variables.css", STYLES), "utf8");
const [, more = ""] = source.split(CONTRAST);
const all = colours(source.slice(0, source.length - more.length));
const names = new Set(all.map(({ name }) => name));

function colours(text) {
  return [...text.matchAll(COLOUR)].map(([, name, light, dark]) => ({ name, light, dark }));
}

function rule(selector, set, value) {
  return `${selector} {\n${set.map((colour) => `  --headway-default-${colour.name}: ${value(colour)};\n`).join("")}}\n`;
}

const media = (condition, rules) => `@media ${condition} {\n${rules}}\n`;
const light = (colour) => colour.light;
const dark = (colour) => colour.dark;

/** The reader's theme, and the one that an element decides on for what is inside it: the nearest wins, whichever it says. */
function sets(set) {
  const says = (theme) => `[data-theme="${theme}"], :host([data-theme="${theme}"])`;
  return [
    rule(`:where(:root, :host, ${says("light")})`, set, light),
    media("(prefers-color-scheme: dark)", rule(`:where(:root:not([data-theme="light"]), :host(:not([data-theme="light"])))`, set, dark)),
    rule(`:where(${says("dark")})`, set, dark),
  ].join("");
}

/** Inside the shadow root of an element, which has no theme but the reader's and the one that `--headway-scheme` names. */
function shadowSets(set) {
  return [
    rule(":host", set, light),
    media("(prefers-color-scheme: dark)", rule(":host", set, dark)),
    `@supports (color: light-dark(red, red)) {\n${rule(":host", set, (colour) => `light-dark(${colour.light}, ${colour.dark})`)}}\n`,
  ].join("");
}

/** Styles in which each colour that is used has its default beside it. */
export function withDefaults(text) {
  return text.replaceAll(/var\(--headway-([\w-]+)\)/g, (use, name) => (names.has(name) ? `var(--headway-${name}, var(--headway-default-${name}))` : use));
}

/** The variables, with the colours of both themes written out. */
function variables() {
  const [rest] = source.replaceAll(COLOUR, "").split(CONTRAST);
  return rest + sets(all) + media("(prefers-contrast: more)", sets(colours(more)));
}

/** The defaults of those colours that `text` uses, for a shadow root. */
export function shadowDefaults(text) {
  const used = (set) => set.filter(({ name }) => text.includes(`--headway-default-${name})`));
  return shadowSets(used(all)) + media("(prefers-contrast: more)", shadowSets(used(colours(more))));
}

/** For esbuild: reads src/styles as it is published. */
export const themes = {
  name: "themes",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/src\/styles\/[^/]+\.css$/ }, async ({ path }) => {
      const contents = path.endsWith("/variables.css") ? variables() : withDefaults(await readFile(path, "utf8"));
      return { contents, loader: "css" };
    });
  },
};
