// A test that ends: a browser or a server that hangs fails the test by its name, and the others go on.

import { test as run } from "node:test";

/** How long a test may take, in milliseconds: many times what the longest takes on a busy machine. */
const LIMIT = 180_000;

/** What tidies up after a test is bounded as well: `test.after(…, CLOSING)`. */
export const CLOSING = { timeout: 60_000 };

/** A test of this file. */
export const test = (name, body) => run(name, { timeout: LIMIT }, body);
