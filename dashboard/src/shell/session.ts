// Who is signed in. The proof is a cookie that no script can read; what is kept here is what the
// server says about it, and nothing of it outlives the page.
//
// **Invariant:** when somebody's sign-in ends, their client is closed before anything else is shown,
// and nobody is asked again before somebody does something, but for the one question whether another
// tab has signed in.

import { Headway, HeadwayError, type ConnectionState, type ConnectOptions, type Identity, type SignedOutReason } from "@headway/client";

import { Person } from "./identity.ts";
import type { Link } from "./link.ts";
import { Listeners } from "./listeners.ts";
import type { Questions } from "./questions.ts";
import { reasonOf } from "./words.ts";

/** How often the server is told that somebody looks, in milliseconds; a sign-in ends when nobody does. */
export const LOOKING_EVERY_MS = 5 * 60_000;
/** The waits before the server is asked again who is here, in milliseconds, each with full jitter. */
const BACKOFF_MS = [300, 1000, 2000, 4000, 8000, 16_000] as const;
/** Why somebody has to sign in again. */
const SIGNED_OUT: Readonly<Record<SignedOutReason, string>> = {
  revoked: "You were signed out: what you had signed in with was revoked, or ended elsewhere.",
  token_expired: "You were signed out: your sign-in has expired.",
  unauthenticated: "You were signed out. Sign in to go on.",
  no_token: "You were signed out. Sign in to go on.",
};

/** Why a key or token was not taken. */
export interface SignInRefusal {
  readonly text: string;
  /** When another try is worth it, in milliseconds since 1970. */
  readonly retryAt: number | undefined;
  /** What may be taken later, and so stays in the field. */
  readonly keep: string;
}

export type SessionState =
  /** Nobody knows yet who is here. */
  | { readonly state: "asking" }
  /** The server is away; it is asked again. */
  | { readonly state: "unreachable" }
  | { readonly state: "signed_out"; readonly reason: string; readonly refusal: SignInRefusal | undefined }
  /** `client` is closed when this ends. */
  | { readonly state: "signed_in"; readonly person: Person; readonly client: Headway };

export interface SessionOptions {
  readonly connect: ConnectOptions;
  readonly questions: Questions;
  /** Is told what people should know. */
  readonly notice: (text: string) => void;
  /** Is told when the server was away and is there again. */
  readonly cameBack: () => void;
}

export class Session {
  readonly #listeners = new Listeners();
  readonly #connect: ConnectOptions;
  readonly #questions: Questions;
  readonly #notice: (text: string) => void;
  readonly #cameBack: () => void;
  /** Asks who is here; it watches nothing, and so has no connection. */
  readonly #door: Headway;
  #state: SessionState = { state: "asking" };
  #asking: Promise<Identity | undefined> | undefined;
  /** Counts what changed who is signed in: an answer that is older says nothing. */
  #turn = 0;
  /** Whether the stream has been live since somebody signed in. */
  #wasLive = false;
  /** Whether the stream was lost since it was live. */
  #wasLost = false;
  #leaving = false;
  #nextTry: { readonly timer: ReturnType<typeof setTimeout>; readonly again: () => void } | undefined;
  #stopWatching: () => void = () => undefined;

  constructor({ connect, questions, notice, cameBack }: SessionOptions) {
    this.#connect = connect;
    this.#questions = questions;
    this.#notice = notice;
    this.#cameBack = cameBack;
    this.#door = new Headway({ ...connect, fetch: this.#fetch });
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);
  readonly getSnapshot = (): SessionState => this.#state;

  /** Finds out who is here and takes a link that they were given, as often as it takes. */
  async enter(link: Link | undefined, failures = 0): Promise<void> {
    clearTimeout(this.#nextTry?.timer);
    this.#nextTry = undefined;
    let identity: Identity | undefined;
    try {
      identity = await this.#ask();
    } catch {
      if (this.#state.state !== "signed_in") this.#become({ state: "unreachable" });
      const again = (): void => void this.enter(link, failures + 1);
      const longest = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? BACKOFF_MS[0];
      this.#nextTry = { again, timer: setTimeout(again, Math.random() * longest) };
      return;
    }
    if (link?.sent === true) this.#notice("The address of this page held a token, which was sent to the server with it and was not used. A link carries its token behind a #.");
    let refusal: unknown;
    try {
      if (link?.token !== undefined && (identity?.sign_in ?? true)) identity = await this.#follow(link, link.token, identity);
    } catch (error) {
      refusal = error;
    }
    if (identity === undefined) {
      this.#close("", refusal === undefined ? undefined : refusalOf(refusal, link?.token ?? ""));
      return;
    }
    if (refusal !== undefined) this.#notice(`The link cannot be used: ${reasonOf(refusal)}`);
    this.#open(identity);
  }

  /** Signs in with a key or token that was pasted. What it is refused for is in the state. */
  async signIn(text: string): Promise<void> {
    try {
      this.#open(await this.#show(text));
    } catch (error) {
      const reason = this.#state.state === "signed_out" ? this.#state.reason : "";
      this.#close(reason, refusalOf(error, text));
    }
  }

  /** Ends the session on the server. What fails leaves everything as it was. */
  async signOut(): Promise<void> {
    this.#leaving = true;
    try {
      await this.#door.identity.signOut();
      history.replaceState(null, "", "#/jobs");
      this.#close("You have signed out.", undefined);
    } catch (error) {
      this.#notice(`You are still signed in. ${reasonOf(error)}`);
    } finally {
      this.#leaving = false;
    }
  }

  /** Finds out again who is signed in, and shows the page to them. */
  async lookAgain(): Promise<void> {
    let identity: Identity | undefined;
    try {
      identity = await this.#ask();
    } catch {
      // The server is away, and the state of the connection says so.
      return;
    }
    if (identity !== undefined) this.#open(identity);
    else if (this.#state.state === "signed_in") this.#close(SIGNED_OUT.unauthenticated, undefined);
  }

  /** Does not wait for the next try. */
  retryNow(): void {
    if (this.#nextTry !== undefined) this.#nextTry.again();
    else if (this.#state.state === "signed_in") this.#state.client.signedIn();
  }

  /** Whether somebody is signed in. */
  get isOpen(): boolean {
    return this.#state.state === "signed_in";
  }

  /** Whether this server asks anybody to sign in, as far as it was heard. */
  get asks(): boolean {
    return this.#state.state !== "signed_in" || this.#state.person.identity.sign_in;
  }

  /** Whether the next try is waited for. */
  get waits(): boolean {
    return this.#nextTry !== undefined;
  }

  /** Who is signed in; `undefined` when nobody is. Who asks meanwhile gets the same answer. */
  #ask(): Promise<Identity | undefined> {
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<Identity | undefined> {
    const turn = this.#turn;
    let identity: Identity | undefined;
    try {
      identity = await this.#door.identity.get();
    } catch (error) {
      if (!(error instanceof HeadwayError) || error.status !== 401) throw error;
    }
    // Somebody has signed in or out meanwhile.
    if (turn !== this.#turn) return this.#state.state === "signed_in" ? this.#state.person.identity : undefined;
    return identity;
  }

  async #show(text: string): Promise<Identity> {
    const bare = text.trim().replace(/^bearer\s+/i, "");
    const identity = await this.#door.identity.signIn(bare.startsWith("hw_") ? { key: bare } : { token: bare });
    this.#turn += 1;
    return identity;
  }

  /** Signs in with a link's token. Who has signed in by themself, and does not need it, stays so. */
  async #follow({ job }: Link, token: string, identity: Identity | undefined): Promise<Identity> {
    if (token.startsWith("hw_")) throw new TypeError("no link may carry an API key: whoever made it should use a watch token");
    if (identity !== undefined && identity.credential !== "token") {
      if (job !== undefined && (await this.#sees(job))) return identity;
      const answer = await this.#questions.ask({
        title: "Open the link that you were given?",
        text: `It shows what it is for and nothing else, and signs you out as ${new Person(identity).name}.`,
        yes: "Open the link",
        no: "Stay signed in",
      });
      if (answer === undefined) return identity;
    }
    return this.#show(token);
  }

  async #sees(job: string): Promise<boolean> {
    try {
      await this.#door.jobs.get(job);
      return true;
    } catch (error) {
      if (error instanceof HeadwayError && error.status === 404) return false;
      throw error;
    }
  }

  /** Shows the page to whoever is here; to the same person it stays as it is. */
  #open(identity: Identity): void {
    if (this.#state.state === "signed_in") {
      if (JSON.stringify(this.#state.person.identity) === JSON.stringify(identity)) return;
      this.#leave();
    }
    this.#wasLive = false;
    this.#wasLost = false;
    const client = new Headway({ ...this.#connect, fetch: this.#fetch });
    this.#stopWatching = client.connection.subscribe(() => {
      this.#heard(client.connection.getSnapshot());
    });
    this.#become({ state: "signed_in", person: new Person(identity), client });
  }

  #heard(connection: ConnectionState): void {
    if (connection.state === "waiting") this.#wasLost = this.#wasLive;
    if (connection.state === "live") {
      if (this.#wasLost) this.#cameBack();
      this.#wasLost = false;
      this.#wasLive = true;
    }
    if (connection.state !== "signed_out" || this.#leaving) return;
    const { reason } = connection;
    const wasLive = this.#wasLive;
    // The client is in the middle of telling: it is closed when it is done.
    queueMicrotask(() => {
      if (this.#state.state !== "signed_in") return;
      this.#close(SIGNED_OUT[reason], undefined);
      // Somebody may have signed in again elsewhere in this browser: looked up once, so that a server
      // which takes the sign-in and closes the stream is not asked on and on.
      if (wasLive) void this.lookAgain();
    });
  }

  #close(reason: string, refusal: SignInRefusal | undefined): void {
    this.#leave();
    this.#questions.dismiss();
    this.#become({ state: "signed_out", reason, refusal });
  }

  #leave(): void {
    this.#turn += 1;
    this.#stopWatching();
    this.#stopWatching = () => undefined;
    if (this.#state.state === "signed_in") this.#state.client.close();
  }

  #become(state: SessionState): void {
    this.#state = state;
    this.#listeners.tell();
  }

  /** Every request's answer is looked at: one that nobody is signed in for may be the first to tell. */
  readonly #fetch: NonNullable<ConnectOptions["fetch"]> = async (input, init) => {
    const answer = await fetch(input, init);
    if (answer.status === 401 && this.#state.state === "signed_in" && !this.#leaving) void this.lookAgain();
    return answer;
  };
}

function refusalOf(error: unknown, text: string): SignInRefusal {
  const mayPass = error instanceof HeadwayError && error.retryable;
  const after = error instanceof HeadwayError ? error.retryAfterMs : undefined;
  return {
    text: reasonOf(error),
    retryAt: mayPass && after !== undefined ? Date.now() + after : undefined,
    keep: mayPass ? text : "",
  };
}
