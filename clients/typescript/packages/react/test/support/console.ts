// What is written to `console.error`, where tests write nothing unless they are about it: React tells there
// what a page does wrong.

import { after, beforeEach } from "node:test";
import { format } from "node:util";

let testing = "before the first test";
let said: string[] = [];

const platform = console.error;
console.error = (...words: unknown[]): void => {
  // Node warns the same way of what it calls experimental.
  if (/^\(node:\d+\) /.test(String(words[0]))) platform(...words);
  else said.push(`${testing}: ${format(...words)}`);
};

beforeEach((test) => {
  if ("name" in test) testing = test.name;
});

// At the end, so that it is also heard what a test says when it is taken down.
after(() => {
  const words = complaints();
  if (words !== "") throw new Error(`console.error was called by these tests:\n${words}`);
});

/** What was said since somebody asked: a test that is about it asks. */
export function complaints(): string {
  const words = said.join("\n");
  said = [];
  return words;
}
