// One connection that stays.

import { API } from "./request.js";

/** The waits before a new connection, in milliseconds, each with full jitter. */
const BACKOFF_MS = [300, 1000, 2000, 4000, 8000, 16000];
/** Reasons for which a server closes when it no longer knows whose the connection is. */
const SIGNED_OUT = new Set(["token_expired", "revoked", "unauthenticated"]);
/** The close code for a sign-in that is not valid. */
const INVALID_TOKEN = 4500;

/** How long to wait after so many failures, in milliseconds. */
export const backoff = (failures) => Math.random() * BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];

/**
 * One stream that stays: WebSocket, or Server-Sent Events where no WebSocket ever gets through.
 *
 * `selectors` gives pairs of what to watch at each connection, so that they carry the newest cursor.
 * The session's cookie says whose the stream is. It ends by `stop`, when the server says not to come
 * back, and with the state `signed-out` when the sign-in has ended: it never asks again by itself.
 */
export class Stream {
  #selectors;
  #onMessage;
  #onState;
  #forced;
  #close = null;
  #failures = 0;
  #socketWorked = false;
  #retryAfter = null;
  #timer = 0;
  #watchdog = 0;
  #silenceMs = 0;
  #stopped = false;
  #signedOut = null;

  constructor({ selectors, onMessage, onState = () => {}, forced = null }) {
    this.#selectors = selectors;
    this.#onMessage = onMessage;
    this.#onState = onState;
    this.#forced = forced;
    this.#connect();
  }

  stop() {
    this.#stopped = true;
    this.#drop();
  }

  /** Connects at once when it waits for its next try. */
  retryNow() {
    if (this.#timer) {
      this.#failures = 0;
      this.#connect();
    }
  }

  /** Begins again, with snapshots. */
  restart() {
    if (this.#stopped) return;
    this.#drop();
    this.#connect();
  }

  #connect() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#onState({ state: "connecting" });
    const trySocket = this.#socketWorked || this.#failures % 3 < 2;
    if (this.#forced ? this.#forced === "websocket" : trySocket) this.#openSocket();
    else this.#openEvents();
  }

  #address() {
    const address = new URL(`${API}/stream`, location.href);
    for (const [key, value] of this.#selectors()) address.searchParams.append(key, value);
    return address;
  }

  #openSocket() {
    const address = this.#address();
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, ["headway.v1"]);
    this.#close = () => {
      socket.onmessage = socket.onclose = null;
      socket.close();
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#read(data, "WebSocket");
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  #openEvents() {
    const source = new EventSource(this.#address());
    this.#close = () => source.close();
    const read = ({ data }) => this.#read(data, "SSE");
    const types = ["hello", "subscribed", "snapshot", "update", "event", "gap", "end", "heartbeat", "error", "closing"];
    for (const type of types) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) read(event);
      });
    }
    source.onerror = (event) => {
      if (event instanceof MessageEvent) return;
      // Closed for good: the answer was no stream. A browser does not tell what it was.
      this.#lost(0, "", source.readyState === EventSource.CLOSED);
    };
  }

  #read(text, transport) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.type === "hello") {
      this.#failures = 0;
      this.#retryAfter = null;
      if (transport === "WebSocket") {
        this.#socketWorked = true;
        this.#silenceMs = message.heartbeat_ms * 2.5;
        this.#watch();
      }
      this.#onState({ state: "live", transport });
    } else if (message.type === "closing") {
      this.#retryAfter = message.retry_ms;
      if (SIGNED_OUT.has(message.reason)) this.#signedOut = message.reason;
    }
    this.#onMessage(message);
  }

  /** A connection on which not even a heartbeat comes is dead, whatever the browser thinks. */
  #watch() {
    clearTimeout(this.#watchdog);
    if (this.#silenceMs) this.#watchdog = setTimeout(() => this.#lost(0, "silence"), this.#silenceMs);
  }

  #lost(code, reason, refused = false) {
    this.#drop();
    if (this.#stopped) return;
    if (this.#signedOut || code === INVALID_TOKEN) {
      this.#stopped = true;
      this.#onState({ state: "signed-out", reason: this.#signedOut ?? "unauthenticated" });
      return;
    }
    if (code >= 4500 && code < 5000) {
      this.#onState({ state: "refused", code, reason });
      return;
    }
    const wait = this.#retryAfter ?? backoff(this.#failures);
    this.#failures += 1;
    this.#retryAfter = null;
    this.#onState({ state: "waiting", refused });
    this.#timer = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#timer = 0;
    this.#close?.();
    this.#close = null;
  }
}
