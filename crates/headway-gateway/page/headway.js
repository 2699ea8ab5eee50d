// The page: jobs as they move, from the same stream that every client reads.
//
// Board holds the documents and applies patches, Stream keeps one connection alive, JobView shows
// one document, Detail shows what belongs to one open job. Nothing here decides anything about a
// job: the server's words are shown as they come, and a button is a request.

const API = "/api/v1";

/** Jobs whose documents are kept; the oldest ended ones go first. */
const JOBS_KEPT = 1000;
/** Jobs that are shown at once. */
const JOBS_SHOWN = 100;
/** Events that an open job shows. */
const EVENTS_SHOWN = 200;
/** Pages of history read before the stream takes over; it replays whatever is left. */
const HISTORY_PAGES = 20;
/** The shortest time between two drawings, in milliseconds; faster moves cannot be read. */
const DRAW_EVERY_MS = 80;
/** The waits before a new connection, in milliseconds, each with full jitter. */
const BACKOFF_MS = [300, 1000, 2000, 4000, 8000, 16000];

const STATUS = {
  pending: { tone: "idle", word: "Pending", icon: "M8 4.6V8l2.4 1.6M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8" },
  queued: { tone: "idle", word: "Queued", icon: "M3 4h10M3 8h10M3 12h6" },
  running: { tone: "running", word: "Running", icon: "M5 3.4v9.2L12.4 8z" },
  pausing: { tone: "warn", word: "Pausing", icon: "M5.5 3.5v9M10.5 3.5v9" },
  paused: { tone: "warn", word: "Paused", icon: "M5.5 3.5v9M10.5 3.5v9" },
  cancelling: { tone: "warn", word: "Cancelling", icon: "M4 4l8 8M12 4l-8 8" },
  completed: { tone: "good", word: "Completed", icon: "M3 8.6l3.4 3.4L13 4.6" },
  failed: { tone: "bad", word: "Failed", icon: "M8 2.8v6.4M8 12.8v.2" },
  cancelled: { tone: "idle", word: "Cancelled", icon: "M4 4l8 8M12 4l-8 8" },
  expired: { tone: "idle", word: "Expired", icon: "M4.5 2.5h7M4.5 13.5h7M5 2.8c0 4 6 6.4 6 10.4M11 2.8c0 4-6 6.4-6 10.4" },
  skipped: { tone: "idle", word: "Skipped", icon: "M3.5 4l4 4-4 4M8.5 4l4 4-4 4" },
};
const ENDED = new Set(["completed", "failed", "cancelled", "expired"]);
const ITEM_FIGURES = [
  ["succeeded", "good"], ["failed", "bad"], ["running", "running"], ["retrying", "warn"],
  ["queued", ""], ["skipped", ""], ["cancelled", ""], ["expired", ""],
];

// Words and numbers

const whole = new Intl.NumberFormat();
const tenth = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const percentFormat = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });
const dayFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 1) return "under 1 s";
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  if (minutes < 90) return `${Math.round(seconds / 60)} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 36) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function money(amount, currency) {
  const value = Number(amount);
  const size = Math.abs(value);
  const digits = size === 0 || size >= 1 ? 2 : size >= 0.01 ? 4 : 6;
  try {
    return new Intl.NumberFormat(undefined, {
      style: "currency", currency, minimumFractionDigits: 2, maximumFractionDigits: digits,
    }).format(value);
  } catch {
    return `${amount} ${currency}`;
  }
}

function rateOf(progress, isBatch) {
  const unit = progress.unit ?? (isBatch ? "items" : progress.total == null ? "%" : "units");
  if (progress.rate >= 1) return [tenth.format(progress.rate), `${unit}/s`];
  if (progress.rate * 60 >= 1) return [tenth.format(progress.rate * 60), `${unit}/min`];
  return [tenth.format(progress.rate * 3600), `${unit}/h`];
}

const titleOf = (job) => job.name ?? job.kind;

function brief(value, length = 160) {
  if (value === undefined || value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

// Elements

const byId = (id) => document.getElementById(id);

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "dataset") Object.assign(made.dataset, value);
    else if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function setStyle(node, name, value) {
  if (node.style[name] !== value) node.style[name] = value;
}

/** Draws a span of a bar, from and over so many percent of it. Moved by the compositor alone. */
function setSpan(node, from, percent) {
  setStyle(node, "transform", `translateX(${from.toFixed(2)}%) scaleX(${(percent / 100).toFixed(4)})`);
}

function badge(status) {
  const made = byId("job-template").content.querySelector(".badge").cloneNode(true);
  showBadge(made, status);
  return made;
}

function showBadge(node, status) {
  const { tone, word, icon } = STATUS[status] ?? { tone: "idle", word: status, icon: STATUS.pending.icon };
  setAttribute(node, "data-tone", tone);
  setAttribute(node.querySelector("path"), "d", icon);
  setText(node.querySelector(".word"), word);
}

// Requests

/** A refusal, with the sentence that the server gave. */
class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(API + path, { headers: { accept: "application/json" }, ...options });
  } catch {
    throw new Refusal(0, "The server cannot be reached.");
  }
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw new Refusal(response.status, body?.detail ?? body?.title ?? `The server answered ${response.status}.`);
}

const post = (path, body) => request(path, {
  method: "POST",
  headers: { accept: "application/json", "content-type": "application/json" },
  body: JSON.stringify(body),
});

// The documents

/** A merge patch (RFC 7396) applied; the document given stays as it was. */
function merged(target, patch) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const isObject = target !== null && typeof target === "object" && !Array.isArray(target);
  const result = isObject ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

/**
 * The newest document of every job. What the stream said in this connection wins over what was
 * read by request, because only that fits the patches to come.
 */
class Board {
  #jobs = new Map();
  #connection = 0;
  #onChange;
  #onLost;

  constructor(onChange, onLost) {
    this.#onChange = onChange;
    this.#onLost = onLost;
  }

  get(id) {
    return this.#jobs.get(id)?.document;
  }

  /** Every document, newest first. */
  newestFirst() {
    const all = [...this.#jobs.values()].map((held) => held.document);
    const order = (a, b) => (a.created_at < b.created_at) - (a.created_at > b.created_at)
      || (a.id < b.id) - (a.id > b.id);
    return all.sort(order);
  }

  connected() {
    this.#connection += 1;
  }

  /** Jobs that were not over when the connection broke and of which nothing was heard since. */
  unheard() {
    return [...this.#jobs.values()]
      .filter((held) => held.connection !== this.#connection && !ENDED.has(held.document.status))
      .map((held) => held.document.id);
  }

  fold(message) {
    if (message.type === "snapshot") {
      this.#put(message.job, message.cursor, message.state);
    } else if (message.type === "update") {
      const held = this.#jobs.get(message.job);
      if (held && held.cursor === message.cursor) return;
      if (held?.cursor === message.prev) this.#put(message.job, message.cursor, merged(held.document, message.patch));
      else this.#onLost();
    }
  }

  /** Takes a document that was read by request. */
  adopt(document) {
    const held = this.#jobs.get(document.id);
    if (held?.connection === this.#connection) return;
    this.#put(document.id, document.cursor, document);
  }

  forget(id) {
    if (this.#jobs.delete(id)) this.#onChange(id, undefined, undefined);
  }

  #put(id, cursor, document) {
    const before = this.#jobs.get(id)?.document;
    this.#jobs.set(id, { document, cursor, connection: this.#connection });
    if (this.#jobs.size > JOBS_KEPT) this.#shrink();
    this.#onChange(id, document, before);
  }

  #shrink() {
    const ended = this.newestFirst().filter((job) => ENDED.has(job.status));
    const last = ended.at(-1);
    if (last) this.forget(last.id);
  }
}

// The connection

/**
 * One stream that stays: WebSocket, or Server-Sent Events where no WebSocket ever gets through.
 *
 * `selector` gives the subscription to make at each connection, so that it carries the newest
 * cursor. It ends by `stop` or when the server says not to come back.
 */
class Stream {
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

// One job

class JobView {
  constructor(id) {
    this.id = id;
    const card = byId("job-template").content.firstElementChild.cloneNode(true);
    this.element = card;
    card.dataset.id = id;
    const find = (selector) => card.querySelector(selector);
    this.parts = {
      badge: find(".badge"), name: find(".name"), stalled: find(".stalled"), origin: find(".origin"),
      bar: find(".bar"), fill: find(".fill"), fault: find(".fault"), percent: find(".percent"),
      phase: find(".phase"), message: find(".message"), figures: find(".figures"),
      money: find(".money"), spent: find(".spent"), band: find(".band"), limit: find(".limit"),
      amounts: find(".amounts"), error: find(".fault-text"), refusal: find(".refusal"),
      detail: find(".detail"), toggle: find(".toggle"),
    };
    this.purse = find(".purse");
    this.buttons = [...card.querySelectorAll("[data-action]")];
    this.figures = new Map();
    this.parts.name.href = `#/jobs/${encodeURIComponent(id)}`;
    this.parts.detail.id = `detail-${id}`;
    setAttribute(this.parts.toggle, "aria-controls", this.parts.detail.id);
    this.parts.toggle.onclick = () => openDetail(detail?.id === id ? null : id);
    for (const button of this.buttons) button.onclick = () => ask(this, button.dataset.action);
  }

  show(job) {
    const { parts, element: card } = this;
    setAttribute(card, "data-status", job.status);
    showBadge(parts.badge, job.status);
    setText(parts.name, titleOf(job));
    parts.toggle.hidden = route.id === job.id;
    parts.stalled.hidden = !job.stalled;
    setText(parts.origin, this.#origin(job));
    this.#showProgress(job);
    setText(parts.phase, job.phase ?? "");
    setText(parts.message, job.message ?? "");
    card.toggleAttribute("data-quiet", !job.phase && !job.message);
    this.#showFigures(job);
    this.#showMoney(job.cost);
    parts.error.hidden = !job.error;
    if (job.error) {
      setAttribute(parts.error, "data-tone", job.status === "failed" ? "bad" : "warn");
      setText(parts.error, job.error.message);
      setAttribute(parts.error, "title", job.error.code);
    }
    const allowed = actionsFor(job);
    for (const button of this.buttons) button.hidden = !allowed.has(button.dataset.action);
  }

  showRefusal(text) {
    this.parts.refusal.hidden = !text;
    setText(this.parts.refusal, text);
  }

  #origin(job) {
    const words = job.name ? [job.kind, job.id] : [job.id];
    if (job.session) words.push(`session ${job.session}`);
    if (job.tags?.length) words.push(job.tags.map((tag) => `#${tag}`).join(" "));
    if (job.attempt > 1) words.push(`attempt ${job.attempt}`);
    return words.join(" · ");
  }

  #showProgress(job) {
    const { bar, fill, fault, percent } = this.parts;
    const known = job.progress?.percent;
    const active = !ENDED.has(job.status);
    setAttribute(bar, "aria-label", `Progress of ${titleOf(job)}`);
    const moving = known === undefined && job.status === "running";
    bar.toggleAttribute("data-unknown", moving);
    if (known === undefined) {
      setAttribute(bar, "aria-valuenow", null);
      setAttribute(bar, "aria-valuetext", active ? "not known yet" : job.status);
      if (moving) setStyle(fill, "transform", "");
      else setSpan(fill, 0, job.status === "completed" ? 100 : 0);
      setSpan(fault, 0, 0);
      setText(percent, moving ? "…" : "");
      return;
    }
    const finished = job.items ? job.items.total - job.items.queued - job.items.running - job.items.retrying : 0;
    const failedShare = finished > 0 ? job.items.failed / finished : 0;
    setSpan(fill, 0, known * (1 - failedShare));
    setSpan(fault, known * (1 - failedShare), known * failedShare);
    setAttribute(bar, "aria-valuenow", known);
    const counted = job.progress.total == null ? "" : `, ${job.progress.done ?? 0} of ${job.progress.total} ${job.progress.unit ?? ""}`;
    setAttribute(bar, "aria-valuetext", `${percentFormat.format(known)} percent${counted}`);
    setText(percent, known >= 100 ? "100 %" : `${percentFormat.format(known)} %`);
  }

  #showFigures(job) {
    const wanted = new Map();
    const { progress = {}, items } = job;
    if (items) {
      for (const [name, tone] of ITEM_FIGURES) {
        if (items[name] > 0 || name === "succeeded") wanted.set(name, { value: whole.format(items[name]), tone });
      }
      wanted.set("total", { value: whole.format(items.total), label: "in all" });
    } else if (progress.done != null) {
      const total = progress.total == null ? "" : ` of ${whole.format(progress.total)}`;
      wanted.set("done", { value: whole.format(progress.done) + total, label: progress.unit ?? "done" });
    }
    if (!ENDED.has(job.status)) {
      if (progress.rate > 0) {
        const [value, label] = rateOf(progress, Boolean(items));
        wanted.set("rate", { value, label });
      }
      if (progress.eta_ms != null) {
        const range = progress.eta_low_ms == null ? "" : `between ${duration(progress.eta_low_ms)} and ${duration(progress.eta_high_ms)}`;
        wanted.set("eta", { value: `about ${duration(progress.eta_ms)}`, label: "left", title: range });
      }
    }
    if (job.started_at) {
      const end = job.finished_at ? Date.parse(job.finished_at) : Date.now();
      const label = job.finished_at ? "taken" : "elapsed";
      wanted.set("elapsed", { value: duration(end - Date.parse(job.started_at)), label });
    }
    for (const [name, node] of this.figures) {
      if (!wanted.has(name)) {
        node.remove();
        this.figures.delete(name);
      }
    }
    let previous = null;
    for (const [name, { value, label = name, tone = "", title = "" }] of wanted) {
      let node = this.figures.get(name);
      if (!node) {
        node = element("div", {}, element("dt"), element("dd", { dataset: { figure: name } }));
        this.figures.set(name, node);
      }
      setText(node.firstChild, label);
      setText(node.lastChild, value);
      setAttribute(node, "data-tone", tone || null);
      setAttribute(node, "title", title || null);
      const place = previous ? previous.nextSibling : this.parts.figures.firstChild;
      if (place !== node) this.parts.figures.insertBefore(node, place);
      previous = node;
    }
  }

  #showMoney(cost) {
    const { money: box, spent, band, limit, amounts } = this.parts;
    const known = cost && (Number(cost.spent) > 0 || cost.forecast || cost.estimate || cost.budget);
    box.hidden = !known;
    if (!known) return;
    this.purse.hidden = !(cost.forecast || cost.estimate || cost.budget);
    const say = (amount) => money(amount, cost.currency);
    const low = Number(cost.forecast_low ?? cost.forecast ?? 0);
    const high = Number(cost.forecast_high ?? cost.forecast ?? 0);
    const scale = Math.max(Number(cost.spent), high, Number(cost.budget ?? 0), Number(cost.estimate ?? 0)) || 1;
    const share = (amount) => (Number(amount) / scale) * 100;
    setStyle(spent, "width", `${share(cost.spent)}%`);
    band.hidden = !cost.forecast;
    const from = Math.max(low, Number(cost.spent));
    setStyle(band, "left", `${share(from)}%`);
    setStyle(band, "width", `${Math.max(0.6, share(high) - share(from))}%`);
    limit.hidden = !cost.budget;
    if (cost.budget) setStyle(limit, "left", `calc(${share(cost.budget)}% - 2px)`);
    const parts = [["spent", say(cost.spent)]];
    if (Number(cost.reserved ?? 0) > 0) parts.push(["reserved", say(cost.reserved)]);
    if (cost.forecast_low && cost.forecast_high && cost.forecast_low !== cost.forecast_high) {
      parts.push(["expected at the end", `${say(cost.forecast_low)} – ${say(cost.forecast_high)}`]);
    } else if (cost.forecast) {
      parts.push(["expected at the end", say(cost.forecast)]);
    } else if (cost.estimate) {
      parts.push(["estimated", say(cost.estimate)]);
    }
    if (cost.budget) parts.push(["budget", say(cost.budget)]);
    const key = JSON.stringify(parts);
    if (this.moneyShown === key) return;
    this.moneyShown = key;
    amounts.replaceChildren(...parts.map(([label, amount]) => element("span", {}, element("b", { textContent: amount, dataset: { money: label } }), ` ${label}`)));
  }
}

// What is asked of a job

function actionsFor(job) {
  switch (job.status) {
    case "pending":
    case "queued":
    case "running":
      return new Set(["pause", "cancel"]);
    case "pausing":
    case "paused":
      return new Set(["resume", "cancel"]);
    case "failed":
    case "cancelled":
    case "expired":
      return new Set(["retry"]);
    case "completed":
      return new Set(job.items?.failed > 0 ? ["retry"] : []);
    default:
      return new Set();
  }
}

const stoppedByBudget = (job) => job.error?.code?.startsWith("budget") ?? false;

/** Asks a question in the page's dialog; `null` when the answer was no, else what was typed. */
function question({ title, text, yes, no, label, value }) {
  const dialog = byId("confirm");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  setText(byId("confirm-no"), no);
  byId("confirm-field").hidden = !label;
  setText(byId("confirm-label"), label ?? "");
  byId("confirm-input").value = value ?? "";
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "yes" ? byId("confirm-input").value.trim() : null);
  });
}

async function ask(view, action) {
  const job = board.get(view.id);
  if (!job) return;
  const id = encodeURIComponent(job.id);
  let path = `/jobs/${id}/${action}`;
  const body = {};
  if (action === "cancel") {
    const text = job.items
      ? `${whole.format(job.items.queued + job.items.retrying)} items have not run yet and will not. What is finished stays, and its results can be downloaded.`
      : "Its worker is told to stop.";
    if (await question({ title: `Cancel ${titleOf(job)}?`, text, yes: "Cancel the job", no: "Keep it going" }) === null) return;
  } else if (action === "resume" && stoppedByBudget(job)) {
    const answer = await question({
      title: "Raise the budget?", text: job.error.message, yes: "Resume", no: "Not now",
      label: `New budget in ${job.cost?.currency ?? "the batch's currency"}`, value: job.cost?.budget,
    });
    if (answer === null) return;
    if (answer) body.max_budget = answer;
  } else if (action === "retry" && job.items) {
    path = `/batches/${id}/retry`;
    body.status = job.items.failed > 0 && job.status === "completed" ? "failed" : "unfinished";
  }
  view.showRefusal("");
  for (const button of view.buttons) button.disabled = true;
  try {
    await post(path, body);
  } catch (refusal) {
    view.showRefusal(refusal.message);
  } finally {
    for (const button of view.buttons) button.disabled = false;
  }
}

// What belongs to one open job

function describe(event) {
  const error = (fault) => fault?.message ?? fault?.code ?? "";
  switch (event.type) {
    case "log": return [event.message, event.level === "error" ? "bad" : event.level === "warning" ? "warn" : ""];
    case "created": return [`as ${event.status}`];
    case "progress": {
      const amount = event.percent != null ? `${tenth.format(event.percent)} %` : event.done != null ? `${whole.format(event.done)}${event.total != null ? ` of ${whole.format(event.total)}` : ""}` : "";
      return [[amount, event.phase, event.message].filter(Boolean).join(" · ")];
    }
    case "phase": return [event.name, "running"];
    case "step_start": return [event.name ?? event.step, "running"];
    case "step_update": return [[event.step, event.percent != null ? `${tenth.format(event.percent)} %` : "", event.message, event.tasks?.join(", ")].filter(Boolean).join(" · ")];
    case "step_finish": return [[event.step, event.status, error(event.error)].filter(Boolean).join(" · "), STATUS[event.status]?.tone];
    case "partial": return [`${event.name}: ${brief(event.data, 240)}`];
    case "cost": return [`${event.amount}${event.sku ? ` for ${event.sku}` : ""}`];
    case "priced": return [`${money(event.amount, event.currency)} for ${event.usage?.sku ?? "usage"}`];
    case "usage": return [brief({ ...event, type: undefined, at: undefined })];
    case "queued": return [event.items ? `${whole.format(event.items.total)} items${event.items.invalid ? `, ${whole.format(event.items.invalid)} of them unreadable` : ""}` : ""];
    case "requested": return [event.action, "warn"];
    case "withdrawn": return [`${event.action}: nobody carried it out in time`, "warn"];
    case "stopping": return [error(event.reason), "warn"];
    case "paused": return [error(event.reason), "warn"];
    case "resumed": return [event.budget ? `with a budget of ${event.budget}` : "", "running"];
    case "cancelled": return [error(event.reason), "warn"];
    case "retried": return [`attempt ${event.attempt}`, "running"];
    case "budget_warning": return [`${tenth.format(event.percent)} % of the ${event.soft ? "soft " : ""}budget of ${event.budget} is committed`, "warn"];
    case "items": {
      const count = (ranges) => (ranges ?? []).reduce((sum, [from, to]) => sum + to - from + 1, 0);
      const succeeded = count(event.succeeded);
      const parts = [];
      if (succeeded) parts.push(`${whole.format(succeeded)} succeeded`);
      for (const failed of event.failed ?? []) parts.push(`item ${failed.custom_id ?? failed.index} ${failed.status}: ${error(failed.error)}`);
      for (const again of event.retried ?? []) parts.push(`item ${again.custom_id ?? again.index} is tried again: ${error(again.error)}`);
      if (event.cancelled) parts.push(`${whole.format(event.cancelled)} cancelled`);
      if (event.expired) parts.push(`${whole.format(event.expired)} expired`);
      if (!parts.length) return null;
      return [parts.join("\n"), event.failed?.length ? "bad" : event.retried?.length ? "warn" : ""];
    }
    case "complete": return [brief(event.result, 240), "good"];
    case "fail": return [error(event.error), "bad"];
    case "stalled": return ["its worker is silent", "warn"];
    case "start": case "expired": case "ack": return [event.command ?? ""];
    default: return [brief({ ...event, type: undefined, at: undefined, producer: undefined })];
  }
}

/** The open part of one card: steps, failed items, events, downloads, facts. */
class Detail {
  #stream = null;
  #cursor = null;
  #closed = false;
  #failedShown = -1;
  #failedTimer = 0;
  #failedAfter = null;
  #shown = {};

  constructor(view) {
    this.id = view.id;
    this.view = view;
    const section = (title, ...content) => element("section", {}, element("h3", { textContent: title }), ...content);
    this.steps = element("div");
    this.failed = element("tbody");
    this.moreFailed = element("button", { type: "button", className: "quiet", textContent: "Show more", hidden: true, onclick: () => this.#readFailed(true) });
    this.log = element("ol", { className: "log", tabIndex: 0 });
    setAttribute(this.log, "aria-label", "Events, newest first");
    this.logNote = element("p", { className: "none", textContent: "Reading the history…" });
    this.downloads = element("p", { className: "downloads" });
    this.result = element("pre");
    this.facts = element("dl", { className: "facts" });
    const heads = ["Item", "Attempts", "Why", "Input"].map((word) => element("th", { textContent: word, scope: "col" }));
    const table = element("table", {}, element("thead", {}, element("tr", {}, ...heads)), this.failed);
    this.sections = {
      steps: section("Steps", this.steps),
      failed: section("Failed items", element("div", { className: "scroll" }, table), this.moreFailed),
      downloads: section("Results", this.downloads),
      result: section("Result", this.result),
      events: section("Events", this.logNote, this.log),
      facts: section("Facts", this.facts),
    };
    view.parts.detail.replaceChildren(...Object.values(this.sections));
    view.parts.detail.hidden = false;
    setAttribute(view.parts.toggle, "aria-expanded", "true");
    this.#readHistory();
  }

  close() {
    this.#closed = true;
    this.#stream?.stop();
    clearTimeout(this.#failedTimer);
    this.view.parts.detail.hidden = true;
    this.view.parts.detail.replaceChildren();
    setAttribute(this.view.parts.toggle, "aria-expanded", "false");
  }

  show(job) {
    this.#showSteps(job.steps ?? {});
    const failed = job.items?.failed ?? 0;
    this.sections.failed.hidden = failed === 0;
    if (failed !== this.#failedShown && !this.#failedTimer) {
      this.#failedTimer = setTimeout(() => {
        this.#failedTimer = 0;
        this.#failedShown = board.get(this.id)?.items?.failed ?? 0;
        if (this.#failedShown > 0) this.#readFailed(false);
      }, this.#failedShown < 0 ? 0 : 1500);
    }
    this.#showDownloads(job);
    this.sections.result.hidden = job.result == null;
    if (job.result != null) setText(this.result, JSON.stringify(job.result, null, 2).slice(0, 20_000));
    this.#showFacts(job);
    if (!ENDED.has(job.status) && this.#cursor && !this.#stream) this.#follow();
  }

  #once(part, value, draw) {
    const key = JSON.stringify(value);
    if (this.#shown[part] === key) return;
    this.#shown[part] = key;
    draw();
  }

  #showSteps(steps) {
    this.sections.steps.hidden = Object.keys(steps).length === 0;
    this.#once("steps", steps, () => {
      const children = new Map();
      for (const entry of Object.entries(steps)) {
        const parent = entry[1].parent in steps ? entry[1].parent : "";
        if (!children.has(parent)) children.set(parent, []);
        children.get(parent).push(entry);
      }
      const tree = (parent) => {
        const own = (children.get(parent) ?? []).sort(([, a], [, b]) => a.index - b.index);
        return element("ol", { className: "steps" }, ...own.map(([key, step]) => {
          const line = element("div", { className: "step" }, badge(step.status), element("span", { textContent: step.name }));
          if (step.role) line.append(element("span", { className: "none", textContent: step.role }));
          if (step.percent != null) {
            const fill = element("span", { className: "fill" });
            setSpan(fill, 0, step.percent);
            const bar = element("span", { className: "bar", role: "progressbar" }, fill);
            setAttribute(bar, "aria-valuenow", step.percent);
            setAttribute(bar, "aria-label", `Progress of ${step.name}`);
            line.append(bar, element("span", { className: "none", textContent: `${tenth.format(step.percent)} %` }));
          }
          const busy = [step.message, ...(step.tasks ?? []), step.error?.message].filter(Boolean).join(" · ");
          if (busy) line.append(element("span", { className: "tasks", textContent: busy }));
          const entry = element("li", {}, line);
          if (children.has(key)) entry.append(tree(key));
          return entry;
        }));
      };
      this.steps.replaceChildren(tree(""));
    });
  }

  #showDownloads(job) {
    this.sections.downloads.hidden = !job.items;
    this.#once("downloads", [Boolean(job.items), job.items?.failed > 0], () => {
      const link = (query, text) => {
        const format = query.get("format");
        const file = `${job.id}${query.has("status") ? "-failed" : ""}.${format}`;
        return element("a", { href: `${API}/batches/${encodeURIComponent(job.id)}/results?${query}`, download: file, textContent: text });
      };
      const links = [
        link(new URLSearchParams({ format: "csv" }), "All as CSV"),
        link(new URLSearchParams({ format: "jsonl" }), "All as JSON Lines"),
      ];
      if (job.items?.failed > 0) links.push(link(new URLSearchParams({ format: "csv", status: "failed" }), "Failed as CSV"));
      this.downloads.replaceChildren(...links);
    });
  }

  #showFacts(job) {
    const when = (time) => (time ? dayFormat.format(new Date(time)) : undefined);
    const facts = [
      ["Id", job.id], ["Kind", job.kind], ["Attempt", String(job.attempt)], ["Session", job.session],
      ["Tags", job.tags?.join(", ")], ["Owner", [job.owner?.tenant, job.owner?.subject].filter(Boolean).join(" / ")],
      ["Created", when(job.created_at)], ["Started", when(job.started_at)], ["Ended", when(job.finished_at)],
      ["Metadata", job.metadata && Object.keys(job.metadata).length ? JSON.stringify(job.metadata) : undefined],
    ].filter(([, value]) => value);
    this.#once("facts", facts, () => this.facts.replaceChildren(
      ...facts.flatMap(([name, value]) => [element("dt", { textContent: name }), element("dd", { textContent: value })]),
    ));
  }

  async #readFailed(more) {
    const query = new URLSearchParams({ status: "failed", limit: "25" });
    if (more && this.#failedAfter != null) query.set("after", this.#failedAfter);
    try {
      const page = await request(`/batches/${encodeURIComponent(this.id)}/items?${query}`);
      if (this.#closed) return;
      const rows = page.items.map((item) => element("tr", {},
        element("td", { className: "number", textContent: item.custom_id ?? String(item.index) }),
        element("td", { className: "number", textContent: String(item.attempts) }),
        element("td", {}, item.error?.message ?? "", " ", element("code", { textContent: item.error?.code ?? "" })),
        element("td", {}, element("code", { textContent: brief(item.input) }))));
      if (more) this.failed.append(...rows);
      else this.failed.replaceChildren(...rows);
      this.#failedAfter = page.next ?? null;
      this.moreFailed.hidden = page.next == null;
    } catch (refusal) {
      if (!this.#closed) this.failed.replaceChildren(element("tr", {}, element("td", { colSpan: 4, textContent: refusal.message })));
    }
  }

  async #readHistory() {
    let after = null;
    try {
      for (let pages = 0; pages < HISTORY_PAGES; pages += 1) {
        const query = new URLSearchParams({ limit: "500", ...(after && { after }) });
        const page = await request(`/jobs/${encodeURIComponent(this.id)}/events?${query}`);
        if (this.#closed) return;
        for (const event of page.events) this.#addEvent(event);
        after = page.events.at(-1)?.cursor ?? after ?? page.cursor;
        if (!page.next) break;
      }
      this.logNote.hidden = true;
      this.#cursor = after;
    } catch (refusal) {
      if (this.#closed) return;
      setText(this.logNote, `The history cannot be read: ${refusal.message}`);
      return;
    }
    const job = board.get(this.id);
    if (job) this.show(job);
  }

  /** Goes on after the last event that was read, so that none is missed and none comes twice. */
  #follow() {
    this.#stream = new Stream({
      selector: () => ({ job: this.id, events: true, cursor: this.#cursor }),
      onMessage: (message) => this.#take(message),
      onState: () => {},
      forced: forcedTransport,
    });
  }

  #take(message) {
    if (message.type === "event") {
      this.#cursor = message.cursor;
      this.#addEvent(message.event);
    } else if (message.type === "gap") {
      this.#cursor = message.to;
      this.#addLine(null, "gap", "Some events are no longer kept here.", "warn");
    } else if (message.type === "end") {
      this.#stream?.stop();
      this.#stream = null;
      const job = board.get(this.id);
      if (job) this.show(job);
    }
  }

  #addEvent(event) {
    const described = describe(event);
    if (described) this.#addLine(event.at, event.type, described[0], described[1]);
  }

  #addLine(at, type, text, tone) {
    const line = element("li", {},
      element("time", { textContent: at ? clockFormat.format(new Date(at)) : "" }),
      element("span", { className: "what", textContent: type.replaceAll("_", " ") }),
      element("span", { className: "said", textContent: text ?? "" }));
    if (at) line.firstChild.dateTime = at;
    if (tone) line.dataset.tone = tone;
    this.log.prepend(line);
    while (this.log.childElementCount > EVENTS_SHOWN) this.log.lastElementChild.remove();
  }
}

// The page

const views = new Map();
const dirty = new Set();
const forcedTransport = new URLSearchParams(location.search).get("transport");
let detail = null;
let route = { filter: "all", id: null };
let listRead = false;
let missing = null;
let layoutDue = true;
let frameDue = false;
let lastFrame = 0;

function draw(id) {
  if (id) dirty.add(id);
  else layoutDue = true;
  if (frameDue) return;
  frameDue = true;
  const wait = lastFrame + DRAW_EVERY_MS - performance.now();
  const frame = () => requestAnimationFrame(() => {
    frameDue = false;
    lastFrame = performance.now();
    if (layoutDue) layOut();
    for (const changed of dirty) {
      const job = board.get(changed);
      if (!job) continue;
      views.get(changed)?.show(job);
      if (detail?.id === changed) detail.show(job);
    }
    dirty.clear();
  });
  if (wait > 0) setTimeout(frame, wait);
  else frame();
}

const board = new Board(
  (id, job, before) => {
    if (!job || !before || ENDED.has(job.status) !== ENDED.has(before.status)) layoutDue = true;
    if (job && before && job.status !== before.status && ENDED.has(job.status)) {
      setText(byId("announcer"), `${titleOf(job)} ${STATUS[job.status].word.toLowerCase()}`);
    }
    if (job && missing === id) missing = null;
    draw(id);
  },
  () => begin.again(),
);

/** Puts the cards that the route asks for in their order. */
function layOut() {
  layoutDue = false;
  const all = board.newestFirst();
  const counts = { all: all.length, active: all.filter((job) => !ENDED.has(job.status)).length };
  counts.ended = counts.all - counts.active;
  for (const node of document.querySelectorAll("[data-count]")) setText(node, counts[node.dataset.count] ? whole.format(counts[node.dataset.count]) : "");
  for (const node of document.querySelectorAll("[data-filter]")) setAttribute(node, "aria-current", !route.id && node.dataset.filter === route.filter ? "page" : null);

  const fits = (job) => (route.id ? job.id === route.id : route.filter === "all" || ENDED.has(job.status) === (route.filter === "ended"));
  const fitting = all.filter(fits);
  const shown = fitting.slice(0, JOBS_SHOWN);
  const list = byId("jobs");
  const wanted = new Set(shown.map((job) => job.id));
  for (const [id, view] of views) {
    if (wanted.has(id)) continue;
    if (detail?.id === id) openDetail(null);
    view.element.remove();
    views.delete(id);
  }
  let place = list.firstElementChild;
  for (const job of shown) {
    let view = views.get(job.id);
    if (!view) {
      view = new JobView(job.id);
      views.set(job.id, view);
      dirty.add(job.id);
    }
    if (view.element === place) place = place.nextElementSibling;
    else list.insertBefore(view.element, place);
  }
  if (route.id && views.has(route.id) && detail?.id !== route.id) openDetail(route.id);

  const rest = fitting.length - shown.length;
  const note = rest > 0 ? `${whole.format(rest)} older jobs are not shown.` : listRead && all.length && !shown.length && !route.id ? `Nothing ${route.filter === "active" ? "is active" : "has ended"}.` : "";
  byId("more").hidden = !note;
  setText(byId("more"), note);
  byId("empty").hidden = !(listRead && all.length === 0 && !route.id);
  byId("back").hidden = !route.id;
  byId("missing").hidden = !(route.id && missing === route.id);
  setText(byId("missing-id"), route.id ?? "");
  const title = route.id && board.get(route.id);
  document.title = title ? `${titleOf(title)} · Headway` : "Headway";
}

function openDetail(id) {
  detail?.close();
  const view = id && views.get(id);
  detail = view ? new Detail(view) : null;
  if (detail) draw(id);
}

function readRoute() {
  const [, first, second] = location.hash.split("/");
  const filter = first === "active" || first === "ended" ? first : "all";
  let id = null;
  try {
    id = first === "jobs" && second ? decodeURIComponent(second) : null;
  } catch {
    id = second;
  }
  if (id !== route.id) openDetail(null);
  route = { filter, id };
  for (const shown of views.keys()) dirty.add(shown);
  if (id && !board.get(id)) readOne(id);
  draw();
}

async function readOne(id) {
  try {
    board.adopt(await request(`/jobs/${encodeURIComponent(id)}`));
  } catch (refusal) {
    if (refusal.status !== 404) return;
    board.forget(id);
    if (route.id === id) missing = id;
    draw();
  }
}

/** Fills in what the stream does not tell: jobs that ended before or while nobody listened. */
async function readList() {
  try {
    const page = await request("/jobs?limit=50");
    for (const job of page.jobs) board.adopt(job);
    listRead = true;
    if (route.id && !board.get(route.id)) await readOne(route.id);
    for (const id of board.unheard()) await readOne(id);
  } catch {
    // The connection's own state tells that the server is away; the next one reads the list again.
  }
  draw();
}

const begin = {
  stream: null,
  lastRestart: 0,
  restartDue: 0,

  /** A patch did not fit: asks for snapshots, at most once a second. */
  again() {
    if (this.restartDue) return;
    const wait = Math.max(0, this.lastRestart + 1000 - Date.now());
    this.restartDue = setTimeout(() => {
      this.restartDue = 0;
      this.lastRestart = Date.now();
      this.stream.restart();
    }, wait);
  },
};

function showLink(next) {
  const box = byId("link");
  setAttribute(box, "data-state", next.state);
  byId("link-now").hidden = next.state !== "waiting";
  if (next.state === "live") setText(byId("link-text"), `Live · ${next.transport}`);
  else if (next.state === "connecting") setText(byId("link-text"), "Connecting…");
  else if (next.state === "refused") setText(byId("link-text"), `The server refused this page (${next.code}${next.reason ? `, ${next.reason}` : ""})`);
  else setText(byId("link-text"), "Connection lost, trying again");
}

byId("link-now").onclick = () => begin.stream.retryNow();
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  byId("jobs").focus();
};
setText(byId("example"), [
  `curl ${location.origin}/api/v1/jobs -H 'content-type: application/json' \\`,
  "  -d '{\"kind\":\"import\",\"id\":\"job_first\",\"name\":\"My first job\"}'",
  "",
  `curl ${location.origin}/api/v1/jobs/job_first/events -H 'content-type: application/json' \\`,
  "  -d '{\"type\":\"progress\",\"percent\":40,\"message\":\"Reading rows\"}'",
].join("\n"));
addEventListener("hashchange", readRoute);
addEventListener("online", () => begin.stream.retryNow());
setInterval(() => {
  for (const [id] of views) if (!ENDED.has(board.get(id)?.status)) draw(id);
}, 1000);

readRoute();
begin.stream = new Stream({
  selector: () => ({ all: true }),
  onMessage: (message) => board.fold(message),
  onState: (state) => {
    if (state.state === "live") {
      board.connected();
      readList();
    }
    showLink(state);
  },
  forced: forcedTransport,
});
