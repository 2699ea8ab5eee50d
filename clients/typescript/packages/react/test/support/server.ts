// The real program, started on a port and a folder of its own.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { Headway } from "@headway/client";
import WebSocket from "ws";

/** From build/test/support. */
const PROGRAM = process.env["HEADWAY_BIN"] ?? fileURLToPath(new URL("../../../../../../../target/debug/headway", import.meta.url));

/** A server that can be killed and started again on the same port and data. */
export class Server {
  readonly #folder: string;
  readonly #port: number;
  readonly #log: string[] = [];
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  /** A running server with an empty data folder; it is gone when the test is. */
  static async start(test: TestContext): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), "headway-react-"));
    const server = new Server(folder, await freePort());
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

  /** A client with every right, closed after the test. */
  client(test: TestContext): Headway {
    const headway = new Headway({ url: this.url, WebSocket });
    test.after(() => {
      headway.close();
    });
    return headway;
  }

  /** Resolves when it says that it is ready. */
  async start(): Promise<void> {
    const args = ["serve", "--listen", `127.0.0.1:${this.#port}`, "--data", join(this.#folder, "data"), "--allow-exec"];
    const child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
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

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
