// The real program, started on a port and a folder of its own.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = process.env.HEADWAY_BIN
  ?? new URL("../../../target/debug/headway", import.meta.url).pathname;

/** The key that the node's administrator has in tests with sign-in. */
const ADMIN_KEY = "the-administrator-of-these-tests-0123456789";

/** A server that can be killed and started again on the same port and data. */
export class Server {
  #folder;
  #signIn;
  #tls = false;
  #process = null;
  #log = [];

  constructor(folder, port, signIn) {
    this.#folder = folder;
    this.#signIn = signIn;
    this.port = port;
  }

  /**
   * A running server with an empty data folder; the test stops it at its end. `signIn` holds settings
   * below `sign_in` for one that asks who somebody is; commands may then not be brought along.
   */
  static async start(test, { signIn = null } = {}) {
    const folder = await mkdtemp(join(tmpdir(), "headway-browser-"));
    const server = new Server(folder, await freePort(), signIn);
    test.after(async () => {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
      if (!test.passed) test.diagnostic(server.#log.slice(-40).join("\n"));
    });
    await server.start();
    return server;
  }

  get url() {
    return `${this.#tls ? "https" : "http"}://127.0.0.1:${this.port}`;
  }

  /** Speaks TLS from the next start on, with a certificate that it signs itself. */
  useTls() {
    this.#tls = true;
    execFileSync("openssl", [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-keyout", "key.pem", "-out", "certificate.pem", "-subj", "/CN=localhost",
      "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "subjectAltName=IP:127.0.0.1",
    ], { cwd: this.#folder, stdio: "ignore" });
  }

  /** Resolves with the line that says the server is ready. */
  async start() {
    const args = ["serve", "--listen", `127.0.0.1:${this.port}`, "--data", join(this.#folder, "data")];
    const env = { ...process.env };
    if (this.#signIn) {
      const settings = { modes: ["keys"], ...this.#signIn };
      const lines = Object.entries(settings).map(([key, value]) => `sign_in.${key} = ${JSON.stringify(value)}\n`);
      if (this.#tls) lines.push('tls.certificate = "certificate.pem"\n', 'tls.key = "key.pem"\n');
      await writeFile(join(this.#folder, "headway.toml"), lines.join(""));
      args.push("--config", join(this.#folder, "headway.toml"));
      env.HEADWAY_ADMIN_KEY = ADMIN_KEY;
    } else {
      args.push("--allow-exec");
    }
    const child = spawn(PROGRAM, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    createInterface(child.stderr).on("line", (line) => this.#log.push(line));
    const lines = createInterface(child.stdout);
    const ready = once(lines, "line");
    const ended = once(child, "exit").then(([code, signal]) => {
      throw new Error(`the server ended (${code ?? signal}):\n${this.#log.slice(-40).join("\n")}`);
    });
    ended.catch(() => {});
    const [line] = await Promise.race([ready, ended]);
    if (!line.includes(`127.0.0.1:${this.port}`)) throw new Error(`not a ready line: ${line}`);
  }

  /** kill -9; resolves when the process is gone. */
  async kill() {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Asks for something, as the node's administrator where one has to sign in. */
  async request(path, options = {}) {
    const { body, ...rest } = options;
    const response = await fetch(`${this.url}${path}`, {
      ...rest,
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(this.#signIn && { authorization: `Bearer ${ADMIN_KEY}` }),
      },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Makes an API key: `{ key, id, … }`. */
  key(request) {
    return this.request("/api/v1/keys", { body: { name: "a test's key", ...request } });
  }

  /** Makes a watch token: `{ token, id, … }`. */
  token(request) {
    return this.request("/api/v1/tokens", { body: request });
  }

  /** Makes a job that waits for its producer's reports. */
  job(id, more = {}) {
    return this.request("/api/v1/jobs", { body: { kind: "import", id, ...more } });
  }

  report(id, events) {
    return this.request(`/api/v1/jobs/${id}/events`, { body: events });
  }

  /** Submits a batch of numbers to Python workers; see `WORKER`. */
  submit(count, options = {}) {
    return this.request("/api/v1/batches", {
      body: {
        name: "Squares",
        executor: { type: "command", mode: "stream", argv: ["python3", "-u", "-c", WORKER], processes: 2, env: ["PATH"] },
        concurrency: 4,
        retry: { max_attempts: 1 },
        items: Array.from({ length: count }, (_, n) => ({ custom_id: `n-${n}`, input: n })),
        ...options,
      },
    });
  }
}

/** Squares a number after some milliseconds of work; every tenth cannot be squared. */
const WORKER = `
import json, sys, time
for line in sys.stdin:
    item = json.loads(line)
    time.sleep(0.02)
    if item["input"] % 10 == 9:
        answer = {"error": {"code": "nine", "message": "nines are not squared", "retryable": False}}
    else:
        answer = {"output": item["input"] ** 2}
    print(json.dumps({"index": item["index"], **answer}), flush=True)
`;

/** How many of `count` items succeed and fail. */
export function expectedCounts(count) {
  const failed = Math.floor(count / 10);
  return { total: count, succeeded: count - failed, failed };
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
