// The real program, started on a port and a folder of its own.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

import { freePort } from "./port.js";
import { CLOSING } from "./test.js";

const PROGRAM = process.env.HEADWAY_BIN
  ?? new URL("../../../target/debug/headway", import.meta.url).pathname;

/** The kind `round-trips`, with its worker, its prices and its list of airports. */
export const EXAMPLE = new URL("../../../examples/quickstart/", import.meta.url).pathname;

/** The key that the node's administrator has in tests with sign-in. */
const ADMIN_KEY = "the-administrator-of-these-tests-0123456789";

/** A server that can be killed and started again on the same port and data. */
export class Server {
  #folder;
  #signIn;
  #example;
  #settings;
  #tls = false;
  #process = null;
  #log = [];

  constructor(folder, port, { signIn = null, example = false, settings = "" } = {}) {
    this.#folder = folder;
    this.#signIn = signIn;
    this.#example = example;
    this.#settings = settings;
    this.port = port;
  }

  /**
   * A running server with an empty data folder; the test stops it at its end. `signIn` holds settings
   * below `sign_in` for one that asks who somebody is; commands may then not be brought along.
   * `example`: it has the kind of the quickstart. `settings`: lines of TOML, before any table.
   */
  static async start(test, options = {}) {
    const folder = await mkdtemp(join(tmpdir(), "headway-browser-"));
    const server = new Server(folder, await freePort(), options);
    test.after(async () => {
      await server.kill();
      await rm(folder, { recursive: true, force: true });
      if (test.passed === false) test.diagnostic(server.#log.slice(-40).join("\n"));
    }, CLOSING);
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
    const file = [this.#settings, "\n"];
    if (this.#signIn) {
      const settings = { modes: ["keys"], ...this.#signIn };
      file.push(...Object.entries(settings).map(([key, value]) => `sign_in.${key} = ${JSON.stringify(value)}\n`));
      if (this.#tls) file.push('tls.certificate = "certificate.pem"\n', 'tls.key = "key.pem"\n');
      env.HEADWAY_ADMIN_KEY = ADMIN_KEY;
    } else {
      args.push("--allow-exec");
    }
    if (this.#example) {
      // A file next to the configuration is named from there; the worker and its list are in the example's folder.
      const kinds = await readFile(join(EXAMPLE, "headway.toml"), "utf8");
      file.push(kinds.replace('"worker.py"', JSON.stringify(join(EXAMPLE, "worker.py"))));
      args.push("--rates", join(EXAMPLE, "costs.json"));
    }
    await writeFile(join(this.#folder, "headway.toml"), file.join(""));
    args.push("--config", join(this.#folder, "headway.toml"));
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

  /**
   * Asks for something, as the node's administrator where one has to sign in. `body` goes as JSON,
   * `form` as it is.
   */
  async request(path, { body, form, ...options } = {}) {
    const response = await fetch(`${this.url}${path}`, {
      ...options,
      ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
      ...(form !== undefined && { method: "POST", body: form }),
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(this.#signIn && { authorization: `Bearer ${ADMIN_KEY}` }),
      },
    });
    const text = await response.text();
    // On a machine that has others to do as well, a server takes no new work for a time, and says until when.
    const after = response.headers.get("retry-after");
    if (response.status === 503 && after !== null) {
      await pause(Number(after) * 1_000);
      return this.request(path, { body, form, ...options });
    }
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

  /**
   * Submits a batch of numbers to Python workers; see `WORKER`. `hold`: the number at which they wait
   * until `release`, so that a page sees it under way however slow it is.
   */
  submit(count, { hold = count, ...options } = {}) {
    return this.request("/api/v1/batches", {
      body: {
        name: "Squares",
        executor: { type: "command", mode: "stream", argv: ["python3", "-u", "-c", WORKER, String(hold), this.#gate], processes: 2, env: ["PATH"] },
        concurrency: 4,
        retry: { max_attempts: 1 },
        items: Array.from({ length: count }, (_, n) => ({ custom_id: `n-${n}`, input: n })),
        ...options,
      },
    });
  }

  /** Lets the workers go on that wait, to another number or to the end. */
  async release(next = Number.MAX_SAFE_INTEGER) {
    await writeFile(`${this.#gate}.new`, String(next));
    await rename(`${this.#gate}.new`, this.#gate);
  }

  get #gate() {
    return join(this.#folder, "gate");
  }
}

/** Squares a number after some milliseconds of work; every tenth cannot be squared. From a number on it waits for a file with a higher one. */
const WORKER = `
import json, sys, time
hold, gate = int(sys.argv[1]), sys.argv[2]
def limit():
    try:
        with open(gate) as file:
            return int(file.read())
    except FileNotFoundError:
        return hold
for line in sys.stdin:
    item = json.loads(line)
    while item["input"] >= limit():
        time.sleep(0.01)
    time.sleep(0.01)
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
