// A test that ends: what hangs fails by its name, and the others go on.

import { test as run, type TestContext } from "node:test";

/** How long a test may take, in milliseconds: many times what the longest takes on a busy machine. */
const LIMIT = 180_000;

/** A test of this file. */
export function test(name: string, body: (context: TestContext) => void | Promise<void>): void {
  void run(name, { timeout: LIMIT }, body);
}
