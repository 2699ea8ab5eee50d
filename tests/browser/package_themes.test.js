// The colours of the built components in a page that somebody makes with Vite and without a word of configuration:
// in both themes, in places with a theme of their own, with colours of the product's, in a shadow root, in the custom element.

import assert from "node:assert/strict";
import { before } from "node:test";

import { build } from "vite";

import { openBrowser } from "./support/browser.js";
import { CLOSING, test } from "./support/test.js";

const ROOT = new URL("./pages/themes/", import.meta.url).pathname;
const SITE = "http://product.example/";

const THEMES = {
  light: { text: "rgb(27, 31, 39)", track: "rgb(228, 231, 237)", bar: "rgb(33, 89, 204)", badge: "rgb(253, 236, 235)" },
  dark: { text: "rgb(230, 233, 239)", track: "rgb(42, 48, 58)", bar: "rgb(130, 170, 255)", badge: "rgb(57, 26, 24)" },
};

let files;
before(async () => {
  const { output } = await build({ root: ROOT, configFile: false, logLevel: "error", build: { write: false } });
  files = new Map(output.map(({ fileName, code, source }) => [fileName, code ?? source]));
}, CLOSING);

const TYPES = { html: "text/html", css: "text/css", js: "text/javascript" };

/** The page, for a reader with these settings; `theme` is what it says on its outermost element, `styles` are the product's own. */
async function open(t, { theme, styles, ...settings } = {}) {
  const page = await openBrowser(t, settings);
  await page.context().route(`${SITE}**`, (route) => {
    const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
    const body = files.get(name);
    return body === undefined ? route.fulfill({ status: 204 }) : route.fulfill({ contentType: TYPES[name.split(".").at(-1)], body });
  });
  await page.goto(SITE);
  await page.locator("#outside headway-progress [part=track]").waitFor();
  await page.locator("#shadow-dark .headway-track").waitFor();
  if (styles !== undefined) await page.addStyleTag({ content: styles });
  if (theme !== undefined) await page.evaluate((said) => { document.documentElement.dataset.theme = said; }, theme);
  return page;
}

/** What is painted in a place: of its components, and of the custom element in it. */
async function painted(page, place) {
  return page.evaluate((id) => {
    const whole = document.getElementById(id);
    const of = (root, selector, property) => getComputedStyle(root.querySelector(selector))[property];
    const shadow = whole.querySelector(":scope > headway-progress")?.shadowRoot;
    const inside = whole.shadowRoot ?? whole;
    return {
      components: {
        text: of(inside, ".headway-progress", "color"),
        track: of(inside, ".headway-track", "backgroundColor"),
        bar: of(inside, ".headway-bar-part", "fill"),
        badge: of(inside, ".headway-badge", "backgroundColor"),
      },
      element: shadow && { text: of(shadow, "[part=base]", "color"), track: of(shadow, "[part=track]", "backgroundColor"), bar: of(shadow, ".headway-bar-part", "fill") },
    };
  }, place);
}

/** Fails unless a place is painted in this theme, or with these colours in it. */
async function isPainted(page, place, theme, own = {}) {
  const wanted = { ...THEMES[theme], ...own };
  const { badge: _, ...element } = wanted;
  assert.deepEqual(await painted(page, place), { components: wanted, element: place.startsWith("shadow") ? undefined : element }, place);
}

for (const reader of ["light", "dark"]) {
  for (const theme of [undefined, "light", "dark"]) {
    test(`${theme ?? "no"} theme on the page of a reader who has it ${reader}: the nearest decides`, async (t) => {
      const page = await open(t, { colorScheme: reader, theme });
      const outermost = theme ?? reader;
      const places = {
        outside: outermost, other: outermost,
        light: "light", "dark-in-light": "dark", dark: "dark", "light-in-dark": "light",
        "shadow-light": "light", "shadow-dark": "dark",
      };
      for (const [place, wanted] of Object.entries(places)) await isPainted(page, place, wanted);
    });
  }
}

test("the page follows a reader who changes theme, and so does a shadow root with the styles in it", async (t) => {
  const page = await open(t, { colorScheme: "light" });
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    for (const place of ["outside", "shadow-plain"]) await isPainted(page, place, colorScheme);
  }
});

test("a colour that the product sets holds inside every theme, and one for each theme in each", async (t) => {
  const styles = `
    :root { --headway-active: #6d28d9; }
    @media (prefers-color-scheme: dark) { :root { --headway-active: #c4b5fd; } }
    [data-theme="light"] { --headway-active: #6d28d9; }
    [data-theme="dark"] { --headway-active: #c4b5fd; }
    :root { --headway-track: #808080; }
  `;
  const own = { light: "rgb(109, 40, 217)", dark: "rgb(196, 181, 253)" };
  for (const reader of ["light", "dark"]) {
    const page = await open(t, { colorScheme: reader, styles });
    for (const theme of [undefined, "light", "dark"]) {
      if (theme !== undefined) await page.evaluate((said) => { document.documentElement.dataset.theme = said; }, theme);
      const places = { outside: theme ?? reader, light: "light", "dark-in-light": "dark", dark: "dark", "light-in-dark": "light" };
      for (const [place, wanted] of Object.entries(places)) await isPainted(page, place, wanted, { bar: own[wanted], track: "rgb(128, 128, 128)" });
    }
  }
});

test("an element alone on its page has the theme that its page names", async (t) => {
  const page = await open(t, { colorScheme: "light", styles: "#outside { --headway-scheme: dark; }" });
  const { element } = await painted(page, "outside");
  const { badge: _, ...dark } = THEMES.dark;
  assert.deepEqual(element, dark);
});

test("where colours are forced, they are the reader's", async (t) => {
  const page = await open(t, { colorScheme: "light", forcedColors: "active" });
  const text = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement("p"));
    probe.style.color = "CanvasText";
    return getComputedStyle(probe).color;
  });
  for (const place of ["outside", "dark", "light"]) {
    const { components, element } = await painted(page, place);
    assert.deepEqual([components.bar, element.bar, components.text], [text, text, text], place);
  }
});
