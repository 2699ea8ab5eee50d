// Airports by region, from the list of the quickstart.

import { readFile } from "node:fs/promises";

import { Refusal } from "./http.js";

/** Those with enough airports for a batch that takes a while. @type {Record<string, string>} */
const NAMES = {
  AK: "Alaska", AZ: "Arizona", CA: "California", CO: "Colorado", FL: "Florida", GA: "Georgia", HI: "Hawaii", IL: "Illinois",
  MI: "Michigan", MN: "Minnesota", MT: "Montana", NV: "Nevada", NM: "New Mexico", NY: "New York", OH: "Ohio", OK: "Oklahoma",
  OR: "Oregon", PA: "Pennsylvania", TN: "Tennessee", TX: "Texas", UT: "Utah", VA: "Virginia", WA: "Washington", WI: "Wisconsin",
};

/** @typedef {{ readonly custom_id: string, readonly input: Record<string, string> }} Airport */

export class Regions {
  /** @type {Map<string, Airport[]>} */
  #airports = new Map();

  /** @param {string} text */
  constructor(text) {
    const [head = [], ...rows] = text.trim().split(/\r?\n/).map(fields);
    for (const row of rows) {
      const input = Object.fromEntries(head.map((name, place) => [name, row[place] ?? ""]));
      const region = NAMES[input["state"] ?? ""];
      if (region === undefined) continue;
      const airports = this.#airports.get(region) ?? [];
      airports.push({ custom_id: input["custom_id"] ?? "", input });
      this.#airports.set(region, airports);
    }
  }

  /** @param {URL} file */
  static async read(file) {
    return new Regions(await readFile(file, "utf8"));
  }

  /** Names and numbers of airports, for people to choose from. */
  list() {
    return Object.values(NAMES).map((name) => ({ name, airports: this.#airports.get(name)?.length ?? 0 }));
  }

  /** @param {unknown} region */
  airportsOf(region) {
    const airports = typeof region === "string" ? this.#airports.get(region) : undefined;
    if (airports === undefined) throw new Refusal(422, "There is no such region. Choose one of the list.");
    return airports;
  }
}

/** Fields of a line; those in quotes may have commas. @param {string} line */
function fields(line) {
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}
