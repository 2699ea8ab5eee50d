// Somebody with every right.

import type { TestContext } from "node:test";

import { Headway } from "../../src/index.ts";
import type { Server } from "../../../../testing/server.ts";

/** A client with every right, closed after the test. */
export function adminOf({ admin }: Server, test: TestContext): Headway {
  const headway = new Headway(admin);
  test.after(() => {
    headway.close();
  });
  return headway;
}
