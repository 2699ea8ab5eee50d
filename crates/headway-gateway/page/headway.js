// The page: jobs as they move, from the same stream that every client reads.
//
// Board holds the documents and applies patches, Stream keeps one connection alive, JobView shows
// one document, Detail shows what belongs to one open job. Nothing here decides anything about a
// job: the server's words are shown as they come, and a button is a request.

import { ask } from "./modules/actions.js";
import { Board } from "./modules/board.js";
import { Detail } from "./modules/detail.js";
import { byId, setAttribute, setText } from "./modules/element.js";
import { titleOf, whole } from "./modules/format.js";
import { JobView } from "./modules/job_view.js";
import { request } from "./modules/request.js";
import { ENDED, STATUS } from "./modules/status.js";
import { Stream } from "./modules/stream.js";

/** Jobs that are shown at once. */
const JOBS_SHOWN = 100;
/** The shortest time between two drawings, in milliseconds; faster moves cannot be read. */
const DRAW_EVERY_MS = 120;

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
      const view = views.get(changed);
      if (job && view && !view.inSight && view.shown) continue;
      dirty.delete(changed);
      if (!job || !view) continue;
      view.show(job, route.id === changed);
      if (detail?.id === changed) detail.show(job);
    }
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

/** Cards out of sight are drawn when they come into it. */
const sight = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    const view = views.get(target.dataset.id);
    if (!view) continue;
    view.inSight = isIntersecting;
    if (isIntersecting) draw(view.id);
  }
}, { rootMargin: "200px" });

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
    sight.unobserve(view.element);
    view.element.remove();
    views.delete(id);
  }
  let place = list.firstElementChild;
  for (const job of shown) {
    let view = views.get(job.id);
    if (!view) {
      view = new JobView(job.id, { onAction, onToggle });
      views.set(job.id, view);
      sight.observe(view.element);
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

const onToggle = (id) => openDetail(detail?.id === id ? null : id);

function onAction(view, action) {
  const job = board.get(view.id);
  if (job) ask(view, job, action);
}

function openDetail(id) {
  detail?.close();
  const view = id && views.get(id);
  detail = view ? new Detail(view, board, forcedTransport) : null;
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
  setAttribute(document.body, "data-link", next.state);
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
  `curl ${location.origin}/api/v1/jobs \\`,
  "  -H 'content-type: application/json' \\",
  "  -d '{\"kind\":\"import\",\"id\":\"job_first\",\"name\":\"My first job\"}'",
  "",
  `curl ${location.origin}/api/v1/jobs/job_first/events \\`,
  "  -H 'content-type: application/json' \\",
  "  -d '{\"type\":\"progress\",\"percent\":40,\"message\":\"Reading rows\"}'",
].join("\n"));
addEventListener("hashchange", readRoute);
addEventListener("online", () => begin.stream.retryNow());
setInterval(() => {
  for (const [id] of views) if (!ENDED.has(board.get(id)?.status)) draw(id);
}, 1000);

readRoute();
begin.stream = new Stream({
  selector: () => ({ all: true, min_interval_ms: 2 * DRAW_EVERY_MS }),
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
