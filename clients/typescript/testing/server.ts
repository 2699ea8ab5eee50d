// The real program, started on a port and a folder of its own.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

/** Seen from a package's folder, where its tests are run. */
const PROGRAM = process.env["HEADWAY_BIN"] ?? resolve("../../../../target/debug/headway");

/** The key of the administrator of a server with sign-in. It has signs that no subprotocol can carry. */
export const ADMIN_KEY = "the/administrator/of/these/tests/0123456789==";

/** A server that can be killed and started again on the same port and data. */
export class Server {
  readonly #folder: string;
  readonly #port: number;
  readonly #signIn: boolean;
  readonly #log: string[] = [];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number, signIn: boolean) {
    this.#folder = folder;
    this.#port = port;
    this.#signIn = signIn;
  }

  /** A running server with an empty data folder; it is gone when the test is. */
  static async start(test: TestContext, { signIn = false }: { readonly signIn?: boolean } = {}): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "headway-typescript-"));
    const server = new Server(folder, await freePort(), signIn);
    test.after(async () => {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
    });
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How somebody with every right reaches it. */
  get admin(): { readonly url: string; readonly fetch: typeof patient; readonly token?: () => string } {
    return { url: this.url, fetch: patient, ...(this.#signIn && { token: () => ADMIN_KEY }) };
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    const args = ["serve", "--listen", `127.0.0.1:${this.#port}`, "--data", join(this.#folder, "data")];
    const env = { ...process.env };
    if (this.#signIn) {
      const file = join(this.#folder, "headway.toml");
      await writeFile(file, 'sign_in.modes = ["keys"]\n');
      args.push("--config", file);
      env["HEADWAY_ADMIN_KEY"] = ADMIN_KEY;
    } else {
      args.push("--allow-exec");
    }
    const child = spawn(PROGRAM, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    createInterface(child.stderr).on("line", (line) => this.#log.push(line));
    const ready = once(createInterface(child.stdout), "line");
    const ended = once(child, "exit").then(() => {
      throw new Error(`the server ended:\n${this.#log.slice(-40).join("\n")}`);
    });
    ended.catch(() => undefined);
    await Promise.race([ready, ended]);
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

/**
 * Asks again when the server says that it will take new work: on a machine that has others to do as well it
 * takes none for a time. The test's own limit bounds it.
 */
async function patient(input: string, init: RequestInit): Promise<Response> {
  for (;;) {
    const response = await fetch(input, init);
    const after = response.headers.get("retry-after");
    if (response.status !== 503 || after === null) return response;
    await response.body?.cancel();
    await pause(Number(after) * 1_000);
  }
}

/** Where ports are looked for: below those that the system gives to connections, which could take one while its server is away. */
const LOWEST_PORT = 16_384;
const HIGHEST_PORT = 32_000;

/** A port of this machine that nobody listens on. */
async function freePort(): Promise<number> {
  for (let tried = 0; tried < 100; tried += 1) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => { resolve(false); });
      probe.listen(port, "127.0.0.1", () => { resolve(true); });
    });
    if (!isFree) continue;
    await once(probe.close(), "close");
    return port;
  }
  throw new Error(`no port from ${LOWEST_PORT} to ${HIGHEST_PORT} is free`);
}
