// The session against the corpus: what every client does with the same frames.

import assert from "node:assert/strict";
import { describe } from "node:test";

import { Player, type Case } from "../support/case.ts";
import { corpus, files } from "../support/corpus.ts";
import { test } from "../../../../testing/test.ts";

describe("the corpus of sessions", () => {
  for (const file of files("session/")) {
    const played = corpus(`session/${file}`) as Case;
    if (played.clients?.includes("typescript") === false) continue;
    test(`${file}: ${played.about}`, () => {
      const player = new Player(played);
      for (const [place, step] of played.steps.entries()) {
        try {
          player.play(step);
        } catch (error) {
          throw new Error(`step ${place + 1}, ${JSON.stringify(step)}`, { cause: error });
        }
      }
      assert.deepEqual(player.left, [], "done at the end, and not looked at");
    });
  }
});
