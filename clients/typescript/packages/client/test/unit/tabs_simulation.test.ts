// Tabs that share a connection, in a world of chance: tabs that vanish without a word and are frozen,
// connections that are cut, locks that come late and are stolen, messages that are lost.

import { describe } from "node:test";

import { TabsWorld } from "../support/tabs_world.ts";
import { test } from "../../../../testing/test.ts";

describe("tabs that share a connection", () => {
  const seeds = Number(process.env["SEEDS"] ?? 60);
  const first = Number(process.env["SEED"] ?? 1);
  test(`${seeds} seeds from ${first}`, () => {
    for (let seed = first; seed < first + seeds; seed += 1) {
      try {
        new TabsWorld(seed).run();
      } catch (error) {
        throw new Error(`seed ${seed}: run again with SEED=${seed} SEEDS=1`, { cause: error });
      }
    }
  });
});
