// The contract's examples, read from schema/corpus.

import { readdirSync, readFileSync } from "node:fs";

/** From build/packages/client/test/support. */
const CORPUS = new URL("../../../../../../../../../schema/corpus/", import.meta.url);

/** A file of the corpus. */
export function corpus(path: string): unknown {
  return JSON.parse(readFileSync(new URL(path, CORPUS), "utf8")) as unknown;
}

/** The names of a folder's files. */
export function files(folder: string): string[] {
  return readdirSync(new URL(folder, CORPUS)).filter((name) => name.endsWith(".json")).sort();
}
