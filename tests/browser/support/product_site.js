// A product's own site in front of the real program: examples/react-batch, as somebody would run it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { build } from "vite";

import { freePort } from "./port.js";
import { Server } from "./server.js";
import { CLOSING } from "./test.js";

const EXAMPLE = new URL("../../../examples/react-batch/", import.meta.url).pathname;

/** Works on an item of a state once the file of that name says that so many of its items may pass; every tenth fails. */
const WORKER = `
import json, os, sys, threading, time
gates, lock = sys.argv[1], threading.Lock()
def allowed(state):
    try:
        return int(open(os.path.join(gates, state)).read() or 0)
    except FileNotFoundError:
        return 0
def work(item):
    while item["index"] >= allowed(item["input"]["state"]):
        time.sleep(0.01)
    failed = item["index"] % 10 == 9
    answer = {"error": {"code": "incomplete_record", "message": "the row names no city", "retryable": False}} if failed else {"output": item["index"]}
    with lock:
        print(json.dumps({"index": item["index"], **answer}), flush=True)
for line in sys.stdin:
    threading.Thread(target=work, args=(json.loads(line),), daemon=True).start()
`;

let built;

/** The site, with a node that asks who somebody is and lets this site's pages watch. */
export class Site {
  #gates;

  constructor({ url, server, key, gates }) {
    this.url = url;
    this.server = server;
    /** The API key that only the site's own server knows. */
    this.key = key;
    this.#gates = gates;
  }

  /** `tokenTtlMs`: how long watch tokens hold. */
  static async start(test, { tokenTtlMs = 300_000 } = {}) {
    built ??= build({ root: EXAMPLE, logLevel: "error" });
    await built;
    const gates = await mkdtemp(join(tmpdir(), "headway-site-"));
    test.after(() => rm(gates, { recursive: true, force: true }));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const executor = `{ type = "command", mode = "stream", argv = ["python3", "-u", "-c", ${JSON.stringify(WORKER)}, ${JSON.stringify(gates)}], processes = 1, env = ["PATH"] }`;
    const settings = [
      `browser.origins = ["${url}"]`,
      "kinds.round-trips.concurrency = 4",
      "kinds.round-trips.min_interval_ms = 50",
      `kinds.round-trips.executor = ${executor}`,
      "kinds.round-trips.retry.max_attempts = 1\n",
    ].join("\n");
    const server = await Server.start(test, { signIn: {}, settings });
    const { key } = await server.key({ scopes: ["watch", "report", "control"] });
    await writeFile(join(gates, "site.key"), `${key}\n`, { mode: 0o600 });
    const env = { ...process.env, PORT: String(port), HEADWAY_URL: server.url, HEADWAY_KEY_FILE: join(gates, "site.key"), TOKEN_TTL_MS: String(tokenTtlMs) };
    const child = spawn(process.execPath, ["server.js"], { cwd: EXAMPLE, env, stdio: ["ignore", "pipe", "pipe"] });
    const said = [];
    createInterface(child.stderr).on("line", (line) => said.push(line));
    const ended = once(child, "exit");
    test.after(async () => {
      child.kill();
      await ended;
      if (test.passed === false) test.diagnostic(said.slice(-20).join("\n"));
    }, CLOSING);
    const [line] = await Promise.race([
      once(createInterface(child.stdout), "line"),
      ended.then(() => { throw new Error(`the site ended:\n${said.join("\n")}`); }),
    ]);
    if (!line.includes(url)) throw new Error(`not a ready line: ${line}`);
    return new Site({ url, server, key, gates });
  }

  /** Lets so many items of a state be worked on, counted from the first. */
  pass(state, count) {
    return writeFile(join(this.#gates, state), String(count));
  }
}

/** Signs somebody in at the site. */
export async function signIn(page, site, name = "maya") {
  await page.goto(site.url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Sign in" }).click();
  await live(page);
}

/** How the connection is, in the site's words. */
export const connection = (page) => page.getByRole("banner").getByRole("status");
export const live = (page) => connection(page).filter({ hasText: /^Live$/ }).waitFor();

/** Starts a batch of a region and waits for its card. */
export async function plan(page, region) {
  const name = new RegExp(`^${region}, `);
  const option = await page.getByRole("combobox", { name: "Region" }).getByRole("option", { name }).getAttribute("value");
  await page.getByRole("combobox", { name: "Region" }).selectOption(option);
  await page.getByRole("button", { name: "Plan", exact: true }).click();
  await card(page, region).waitFor();
}

/** The card of a region's batch. */
export const card = (page, region) => page.getByRole("article", { name: region, exact: true });
/** Waits until a card says so many of all. */
export const shows = (page, region, done, total) => card(page, region).getByText(`${done} of ${total} items`, { exact: true }).waitFor();
/** Waits until a card says how its batch is. */
export const isNow = (page, region, status) => card(page, region).locator(`[data-status="${status}"][aria-label]`).waitFor();
/** The batch that a card shows. */
export const idOf = (page, region) => card(page, region).getAttribute("data-batch");

/** The counts that a card shows, by their words. */
export async function counts(page, region) {
  const parts = await card(page, region).getByRole("list", { name: "Items" }).getByRole("listitem").allTextContents();
  return Object.fromEntries(parts.map((part) => {
    const [, word, number] = /^(\D+)([\d,]+)$/.exec(part) ?? [];
    return [word?.toLowerCase(), Number(number)];
  }));
}

/**
 * Counts how often React renders what is inside a list entry, from its own commits: those of the page
 * as it is built for everybody. Before the page is opened.
 */
export async function countRenders(page) {
  await page.addInitScript(() => {
    const PERFORMED_WORK = 1;
    const renders = {};
    let last = new Set();
    const walk = (fiber, entry, seen) => {
      for (let one = fiber; one !== null; one = one.sibling) {
        const inside = entry ?? (typeof one.key === "string" ? one.key : null);
        // What did not change stays the same object from commit to commit.
        if (typeof one.type !== "string" && inside !== null && !last.has(one) && (one.flags & PERFORMED_WORK) !== 0) renders[inside] = (renders[inside] ?? 0) + 1;
        seen.add(one);
        walk(one.child, inside, seen);
      }
    };
    window.renders = renders;
    window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
      supportsFiber: true,
      isDisabled: false,
      renderers: new Map(),
      inject: () => 1,
      onCommitFiberRoot(_, root) {
        const seen = new Set();
        walk(root.current, null, seen);
        last = seen;
      },
      onCommitFiberUnmount() {},
      onPostCommitFiberRoot() {},
      checkDCE() {},
    };
  });
}

/** How often the card of a region's batch was rendered. */
export const renders = async (page, region) => page.evaluate((id) => window.renders[id] ?? 0, await idOf(page, region));
