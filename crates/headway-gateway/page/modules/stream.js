// One connection that stays.

import { API } from "./request.js";

/** The waits before a new connection, in milliseconds, each with full jitter. */
const BACKOFF_MS = [300, 1000, 2000, 4000, 8000, 16000];

/**
 * One stream that stays: WebSocket, or Server-Sent Events where no WebSocket ever gets through.
 *
 * `selector` gives the subscription to make at each connection, so that it carries the newest
 * cursor. It ends by `stop` or when the server says not to come back.
 */
export class Stream {
  #selector;
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
  #subscription = 0;

  constructor({ selector, onMessage, onState = () => {}, forced = null }) {
    this.#selector = selector;
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

  #openSocket() {
    const address = new URL(`${API}/stream`, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address, ["headway.v1"]);
    this.#close = () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    };
    socket.onopen = () => {
      this.#subscription += 1;
      const subscribe = { type: "subscribe", id: `page-${this.#subscription}`, ...this.#selector() };
      socket.send(JSON.stringify(subscribe));
    };
    socket.onmessage = ({ data }) => {
      this.#watch();
      this.#read(data, "WebSocket");
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  #openEvents() {
    const address = new URL(`${API}/stream`, location.href);
    const { cursor, ...selector } = this.#selector();
    for (const [key, value] of Object.entries(selector)) address.searchParams.set(key, value);
    if (cursor) address.searchParams.set("last_event_id", cursor);
    const source = new EventSource(address);
    this.#close = () => source.close();
    const read = ({ data }) => this.#read(data, "SSE");
    const types = ["hello", "subscribed", "snapshot", "update", "event", "gap", "end", "heartbeat", "error", "closing"];
    for (const type of types) {
      source.addEventListener(type, (event) => {
        if (event instanceof MessageEvent) read(event);
      });
    }
    source.onerror = (event) => {
      if (!(event instanceof MessageEvent)) this.#lost(0, "");
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
    }
    this.#onMessage(message);
  }

  /** A connection on which not even a heartbeat comes is dead, whatever the browser thinks. */
  #watch() {
    clearTimeout(this.#watchdog);
    if (this.#silenceMs) this.#watchdog = setTimeout(() => this.#lost(0, "silence"), this.#silenceMs);
  }

  #lost(code, reason) {
    this.#drop();
    if (this.#stopped) return;
    if (code >= 4500 && code < 5000) {
      this.#onState({ state: "refused", code, reason });
      return;
    }
    const step = Math.min(this.#failures, BACKOFF_MS.length - 1);
    const wait = this.#retryAfter ?? Math.random() * BACKOFF_MS[step];
    this.#failures += 1;
    this.#retryAfter = null;
    this.#onState({ state: "waiting", until: Date.now() + wait });
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
