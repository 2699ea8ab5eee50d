// Ports for servers that are stopped and started again at the same one.

import { once } from "node:events";
import { createServer } from "node:net";

/** Where ports are looked for: below those that the system gives to connections, which could take one while its server is away. */
const [LOWEST, HIGHEST] = [16_384, 32_000];
/** How many are tried before the machine is said to have none. */
const TRIES = 100;

/** A port of this machine that nobody listens on. */
export async function freePort() {
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    const probe = createServer();
    try {
      await once(probe.listen(port, "127.0.0.1"), "listening");
    } catch (error) {
      if (error.code !== "EADDRINUSE") throw error;
      continue;
    }
    await once(probe.close(), "close");
    return port;
  }
  throw new Error(`none of ${TRIES} ports from ${LOWEST} to ${HIGHEST} is free`);
}
