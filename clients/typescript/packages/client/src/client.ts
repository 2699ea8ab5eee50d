// A server, and everything that can be asked of it.

import { Audit } from "./api/audit.ts";
import { Batches } from "./api/batches.ts";
import { DeadLetters } from "./api/dead_letters.ts";
import { Identity } from "./api/identity.ts";
import { Jobs } from "./api/jobs.ts";
import { Keys } from "./api/keys.ts";
import { Kinds } from "./api/kinds.ts";
import { Node } from "./api/node.ts";
import { WatchTokens } from "./api/tokens.ts";
import { Requester } from "./http/requester.ts";
import { ServerTime } from "./http/server_time.ts";
import { Tokens } from "./http/tokens.ts";
import { base, type ConnectOptions } from "./watch/options.ts";
import { Watcher } from "./watch/watcher.ts";

/** A client of one server: requests, and live watches over one connection. */
export class Headway extends Watcher {
  readonly jobs: Jobs;
  readonly batches: Batches;
  readonly kinds: Kinds;
  readonly tokens: WatchTokens;
  readonly keys: Keys;
  readonly identity: Identity;
  readonly audit: Audit;
  readonly deadLetters: DeadLetters;
  readonly node: Node;
  readonly #tokens: Tokens;
  readonly #time: ServerTime;

  constructor(options: ConnectOptions = {}) {
    super(options);
    this.#tokens = new Tokens(options.token);
    const send = options.fetch ?? ((input, init) => fetch(input, init));
    const changed = (): void => {
      this.lookAgain();
    };
    const url = base(options.url);
    this.#time = new ServerTime(url, send, options.credentials);
    const requester = new Requester(url, send, options.credentials, this.#tokens, this.#time, changed);
    this.jobs = new Jobs(requester);
    this.batches = new Batches(requester);
    this.kinds = new Kinds(requester);
    this.tokens = new WatchTokens(requester);
    this.keys = new Keys(requester);
    this.identity = new Identity(requester);
    this.audit = new Audit(requester);
    this.deadLetters = new DeadLetters(requester);
    this.node = new Node(requester);
  }

  /**
   * The server's time when this machine's clock says `local`, in milliseconds since 1970: to be compared with times of jobs.
   * It is `local` itself while the clock is right within a few seconds, and while it is not known to be wrong.
   */
  serverTime(local = Date.now()): number {
    return this.#time.at(local);
  }

  /** Asks the server what time it is, unless some answer has said so already: for whoever watches and requests nothing. */
  learnTime(): void {
    this.#time.learn();
  }

  override signedIn(): void {
    this.#tokens.forget();
    super.signedIn();
  }
}
