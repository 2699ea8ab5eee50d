// Colours that can be read, in both themes: WCAG 2.2, AA. Worked out of src/styles/variables.css.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe } from "node:test";
import { test } from "../../../../testing/test.ts";

const STYLES = new URL("../../../../../src/styles/", import.meta.url);
const variables = readFileSync(new URL("variables.css", STYLES), "utf8");

type Theme = "light" | "dark";

function colours(theme: Theme, text: string): Map<string, string> {
  const found = [...text.matchAll(/--headway-([\w-]+):\s*light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)];
  return new Map(found.map(([, name = "", light = "", dark = ""]) => [name, theme === "light" ? light : dark]));
}

/** Relative luminance, as WCAG 2.2 defines it. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((place) => {
    const part = Number.parseInt(colour.slice(place, place + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const TONES = ["neutral", "active", "waiting", "success", "failure", "alarm", "again"];
const GROUNDS = ["surface", "surface-sunken"];

/** Pairs of text and ground: 4.5 to 1. */
const READ: readonly (readonly [string, string])[] = [
  ...GROUNDS.flatMap((ground) => ["text", "text-muted", "accent", ...TONES].map((text) => [text, ground] as const)),
  ...TONES.map((tone) => [tone, `${tone}-soft`] as const),
];

/** Pairs of shapes and grounds: 3 to 1. Of a bar, what is done against what is not. */
const SEEN: readonly (readonly [string, string])[] = [
  ...TONES.map((tone) => [tone, "track"] as const),
  ...GROUNDS.flatMap((ground) => ["focus", "line-strong"].map((shape) => [shape, ground] as const)),
];

for (const theme of ["light", "dark"] as const) {
  describe(theme, () => {
    const [plain = "", more = ""] = variables.split("@media (prefers-contrast: more)");
    for (const [settings, of] of [["as it is", colours(theme, plain)], ["with more contrast", new Map([...colours(theme, plain), ...colours(theme, more)])]] as const) {
      for (const [pairs, least] of [[READ, 4.5], [SEEN, 3]] as const) {
        for (const [one, other] of pairs) {
          test(`${settings}: ${one} on ${other} is at least ${least} to 1`, () => {
            const [colour, ground] = [of.get(one), of.get(other)];
            assert.ok(colour !== undefined && ground !== undefined, "both are variables");
            const reached = contrast(colour, ground);
            assert.ok(reached >= least, `${colour} on ${ground} is ${reached.toFixed(2)} to 1`);
          });
        }
      }
    }
  });
}

describe("every style", () => {
  for (const file of readdirSync(STYLES).filter((name) => name.endsWith(".css"))) {
    const text = readFileSync(new URL(file, STYLES), "utf8");
    test(`${file} has no side of its own: what is left here is right elsewhere`, () => {
      assert.doesNotMatch(text, /\b(?:margin|padding|border|inset)-(?:left|right)\b|\b(?:text-align|float):\s*(?:left|right)\b|^\s*(?:left|right):/m);
    });
    test(`${file} has no colour but by a variable`, () => {
      if (file === "variables.css") return;
      // A shadow is no colour that is read.
      assert.doesNotMatch(text.replaceAll(/box-shadow:[^;]+;/g, ""), /#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(/i);
    });
  }
});
