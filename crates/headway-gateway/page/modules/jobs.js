// The jobs on the page: which are shown, in which order, and which one is open.

import { ask } from "./actions.js";
import { Board } from "./board.js";
import { Detail } from "./detail.js";
import { byId, setAttribute, setText } from "./element.js";
import { titleOf, whole } from "./format.js";
import { JobView } from "./job_view.js";
import { request } from "./request.js";
import { ENDED, STATUS } from "./status.js";
import { Stream } from "./stream.js";

/** Jobs that are shown at once. */
const JOBS_SHOWN = 100;
/** The shortest time between two drawings, in milliseconds; faster moves cannot be read. */
const DRAW_EVERY_MS = 120;
/** The shortest time between two connections that are begun for fresh snapshots, in milliseconds. */
const RESTART_EVERY_MS = 1000;
/** How often a job that a token names is looked for while it is not there, in milliseconds. */
const LOOK_EVERY_MS = 5000;

/**
 * Shows what whoever is signed in may see, from `open` to `close`; nothing of it is left afterwards
 * but where they were. `onStream` is told how the connection stands.
 */
export class Jobs {
  #session;
  #transport;
  #onStream;
  #board;
  #stream = null;
  /** Counts the openings; what was asked for in another one is not shown. */
  #visit = 0;
  #views = new Map();
  #dirty = new Set();
  /** Jobs that the sign-in names and that are not there. */
  #absent = new Set();
  #detail = null;
  #route = { filter: "all", id: null };
  #listRead = false;
  #missing = null;
  /** What was open, and how far the page was scrolled, when it was closed. */
  #place = null;
  #layoutDue = true;
  #frameDue = false;
  #lastFrame = 0;
  #restartDue = 0;
  #lastRestart = 0;
  #sight;

  constructor({ session, transport, onStream }) {
    this.#session = session;
    this.#transport = transport;
    this.#onStream = onStream;
    this.#board = new Board((id, job, before) => this.#changed(id, job, before), () => this.#restartSoon());
    /** Cards out of sight are drawn when they come into it. */
    this.#sight = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        const view = this.#views.get(target.dataset.id);
        if (!view) continue;
        view.inSight = isIntersecting;
        if (isIntersecting) this.#draw(view.id);
      }
    }, { rootMargin: "200px" });
    setInterval(() => {
      for (const [id] of this.#views) if (!ENDED.has(this.#board.get(id)?.status)) this.#draw(id);
    }, 1000);
    setInterval(() => this.#lookForAbsent(), LOOK_EVERY_MS);
  }

  get isOpen() {
    return this.#stream !== null;
  }

  /** Begins to show what the session may see. */
  open() {
    this.#clear();
    this.readRoute();
    if (!this.#session.has("watch")) return;
    this.#listRead = this.#session.selectors.every(([key]) => key === "job");
    this.#stream = new Stream({
      selectors: () => [...this.#session.selectors, ["min_interval_ms", 2 * DRAW_EVERY_MS]],
      onMessage: (message) => this.#take(message),
      onState: (state) => {
        if (state.state === "live") {
          this.#board.connected();
          this.#readList();
        }
        this.#onStream(state);
      },
      forced: this.#transport,
    });
    if (this.#route.id) this.#readOne(this.#route.id);
  }

  /** Takes everything out of the page. `forget`: also where whoever was here had been. */
  close(forget = false) {
    const left = this.isOpen ? { open: this.#detail?.id, top: scrollY } : this.#place;
    this.#place = forget ? null : left;
    this.#clear();
    this.#layOut();
    byId("confirm").close();
  }

  /** Connects at once when it waits for its next try. */
  retryNow() {
    this.#stream?.retryNow();
  }

  /** Goes to what the address says. */
  readRoute() {
    const only = this.#session.onlyJob;
    if (only !== null && !location.hash.startsWith("#/jobs/")) {
      history.replaceState(null, "", `#/jobs/${encodeURIComponent(only)}`);
    }
    const [, first, second] = location.hash.split("/");
    const filter = first === "active" || first === "ended" ? first : "all";
    let id = null;
    try {
      id = first === "jobs" && second ? decodeURIComponent(second) : null;
    } catch {
      id = second;
    }
    if (id !== this.#route.id) this.#openDetail(null);
    this.#route = { filter, id };
    for (const shown of this.#views.keys()) this.#dirty.add(shown);
    if (id && this.isOpen && !this.#board.get(id)) this.#readOne(id);
    this.#draw();
  }

  #clear() {
    this.#visit += 1;
    this.#stream?.stop();
    this.#stream = null;
    clearTimeout(this.#restartDue);
    this.#restartDue = 0;
    this.#openDetail(null);
    this.#board.clear();
    this.#dirty.clear();
    this.#absent.clear();
    this.#missing = null;
    this.#listRead = false;
    this.#layoutDue = true;
  }

  #changed(id, job, before) {
    if (!job || !before || ENDED.has(job.status) !== ENDED.has(before.status)) this.#layoutDue = true;
    if (job && before && job.status !== before.status && ENDED.has(job.status)) {
      setText(byId("announcer"), `${titleOf(job)} ${STATUS[job.status].word.toLowerCase()}`);
    }
    if (job && this.#missing === id) this.#missing = null;
    this.#draw(id);
  }

  #draw(id) {
    if (id) this.#dirty.add(id);
    else this.#layoutDue = true;
    if (this.#frameDue) return;
    this.#frameDue = true;
    const wait = this.#lastFrame + DRAW_EVERY_MS - performance.now();
    const frame = () => requestAnimationFrame(() => this.#drawFrame());
    if (wait > 0) setTimeout(frame, wait);
    else frame();
  }

  #drawFrame() {
    this.#frameDue = false;
    this.#lastFrame = performance.now();
    if (this.#layoutDue) this.#layOut();
    const may = (action) => this.#session.may(action);
    for (const changed of this.#dirty) {
      const job = this.#board.get(changed);
      const view = this.#views.get(changed);
      if (job && view && !view.inSight && view.shown) continue;
      this.#dirty.delete(changed);
      if (!job || !view) continue;
      view.show(job, this.#route.id === changed, may);
      if (this.#detail?.id === changed) this.#detail.show(job);
    }
  }

  /** Puts the cards that the route asks for in their order. */
  #layOut() {
    this.#layoutDue = false;
    const route = this.#route;
    const all = this.#board.newestFirst();
    const counts = { all: all.length, active: all.filter((job) => !ENDED.has(job.status)).length };
    counts.ended = counts.all - counts.active;
    for (const node of document.querySelectorAll("[data-count]")) setText(node, counts[node.dataset.count] ? whole.format(counts[node.dataset.count]) : "");
    for (const node of document.querySelectorAll("[data-filter]")) setAttribute(node, "aria-current", !route.id && node.dataset.filter === route.filter ? "page" : null);

    const fits = (job) => (route.id ? job.id === route.id : route.filter === "all" || ENDED.has(job.status) === (route.filter === "ended"));
    const fitting = all.filter(fits);
    const shown = fitting.slice(0, JOBS_SHOWN);
    this.#placeCards(shown);
    if (route.id && this.#views.has(route.id) && this.#detail?.id !== route.id) this.#openDetail(route.id);
    if (this.isOpen && this.#listRead && this.#place) this.#goBack();

    const able = this.#session.has("watch");
    const rest = fitting.length - shown.length;
    const note = rest > 0 ? `${whole.format(rest)} older jobs are not shown.` : this.#listRead && all.length && !shown.length && !route.id ? `Nothing ${route.filter === "active" ? "is active" : "has ended"}.` : "";
    byId("more").hidden = !note;
    setText(byId("more"), note);
    byId("unable").hidden = able;
    byId("empty").hidden = !(able && this.#listRead && all.length === 0 && !route.id);
    byId("back").hidden = !route.id || this.#session.onlyJob !== null;
    byId("missing").hidden = !(able && route.id && this.#missing === route.id);
    setText(byId("missing-id"), route.id ?? "");
    if (!this.#session.identity) return;
    const title = route.id && this.#board.get(route.id);
    document.title = title ? `${titleOf(title)} · Headway` : "Headway";
  }

  #placeCards(shown) {
    const list = byId("jobs");
    const wanted = new Set(shown.map((job) => job.id));
    for (const [id, view] of this.#views) {
      if (wanted.has(id)) continue;
      if (this.#detail?.id === id) this.#openDetail(null);
      this.#sight.unobserve(view.element);
      view.element.remove();
      this.#views.delete(id);
    }
    let place = list.firstElementChild;
    for (const job of shown) {
      let view = this.#views.get(job.id);
      if (!view) {
        view = new JobView(job.id, {
          onAction: (pressed, action) => this.#onAction(pressed, action),
          onToggle: (id) => this.#openDetail(this.#detail?.id === id ? null : id),
        });
        this.#views.set(job.id, view);
        this.#sight.observe(view.element);
        this.#dirty.add(job.id);
      }
      if (view.element === place) place = place.nextElementSibling;
      else list.insertBefore(view.element, place);
    }
  }

  /** Goes back to where whoever was signed out had been. */
  #goBack() {
    const { open, top } = this.#place;
    this.#place = null;
    if (this.#views.has(open) && this.#detail?.id !== open) this.#openDetail(open);
    scrollTo(0, top);
  }

  #onAction(view, action) {
    const job = this.#board.get(view.id);
    if (job) ask(view, job, action);
  }

  #openDetail(id) {
    this.#detail?.close();
    const view = id && this.#views.get(id);
    this.#detail = view ? new Detail(view, this.#board, this.#transport) : null;
    if (this.#detail) this.#draw(id);
  }

  /** Takes one message of the stream. */
  #take(message) {
    if (message.type === "error" && message.code === "not_found") {
      const names = this.#session.selectors.filter(([key]) => key === "job").map(([, name]) => name);
      const named = names.find((name) => message.id && `job:${name}`.startsWith(message.id));
      if (named === undefined) return;
      this.#absent.add(named);
      if (this.#route.id === named) this.#missing = named;
      this.#draw();
    }
    this.#board.fold(message);
  }

  /** Reads one job. Whether it was there. */
  async #readOne(id) {
    const visit = this.#visit;
    try {
      const job = await request(`/jobs/${encodeURIComponent(id)}`);
      if (visit !== this.#visit) return false;
      this.#board.adopt(job);
      return true;
    } catch (refusal) {
      if (visit !== this.#visit || refusal.status !== 404) return false;
      this.#board.forget(id);
      if (this.#route.id === id) this.#missing = id;
      this.#draw();
      return false;
    }
  }

  /** Fills in what the stream does not tell: jobs that ended before or while nobody listened. */
  async #readList() {
    const visit = this.#visit;
    try {
      for (const [key, name] of this.#session.selectors) {
        // A job that is watched by its name is told of however it stands.
        if (key === "job") continue;
        const query = new URLSearchParams({ limit: "50", ...(key !== "all" && { [key]: name }) });
        const page = await request(`/jobs?${query}`);
        if (visit !== this.#visit) return;
        for (const job of page.jobs) this.#board.adopt(job);
      }
      this.#listRead = true;
      if (this.#route.id && !this.#board.get(this.#route.id)) await this.#readOne(this.#route.id);
      for (const id of this.#board.unheard()) await this.#readOne(id);
    } catch {
      // The connection's own state tells that the server is away; the next one reads the list again.
    }
    if (visit === this.#visit) this.#draw();
  }

  /** Looks for one of the jobs that were not there when the stream asked for them. */
  async #lookForAbsent() {
    const [id] = this.#absent;
    if (id === undefined || !this.isOpen || document.hidden) return;
    const visit = this.#visit;
    const found = await this.#readOne(id);
    if (visit !== this.#visit) return;
    // One that is still not there is last in line.
    this.#absent.delete(id);
    if (found) this.#restartSoon();
    else this.#absent.add(id);
  }

  /** A patch did not fit, or there is more to watch: asks for snapshots, but not too often. */
  #restartSoon() {
    if (this.#restartDue) return;
    const wait = Math.max(0, this.#lastRestart + RESTART_EVERY_MS - Date.now());
    this.#restartDue = setTimeout(() => {
      this.#restartDue = 0;
      this.#lastRestart = Date.now();
      this.#stream?.restart();
    }, wait);
  }
}
