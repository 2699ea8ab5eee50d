// The open part of one card: steps, failed items, events, downloads, facts.

import { badge, element, setAttribute, setSpan, setText } from "./element.js";
import { describe } from "./event_text.js";
import { brief, clockFormat, dayFormat, tenth } from "./format.js";
import { API, request } from "./request.js";
import { ENDED } from "./status.js";
import { Stream } from "./stream.js";

/** Events that an open job shows. */
const EVENTS_SHOWN = 200;
/** The shortest time between two readings of the failed items while they grow, in milliseconds. */
const FAILED_EVERY_MS = 1500;
/** Pages of history read before the stream takes over; it replays whatever is left. */
const HISTORY_PAGES = 20;

export class Detail {
  #stream = null;
  #cursor = null;
  #closed = false;
  #failedShown = -1;
  #failedTimer = 0;
  #failedAfter = null;
  #shown = {};

  constructor(view, board, transport) {
    this.id = view.id;
    this.view = view;
    this.board = board;
    this.transport = transport;
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
        this.#failedShown = this.board.get(this.id)?.items?.failed ?? 0;
        if (this.#failedShown > 0) this.#readFailed(false);
      }, this.#failedShown <= 0 || ENDED.has(job.status) ? 0 : FAILED_EVERY_MS);
    }
    this.#showDownloads(job);
    // What comes out of a batch are its items' results; its own result repeats the counts.
    const result = job.items ? null : job.result ?? null;
    this.sections.result.hidden = result === null;
    if (result !== null) setText(this.result, JSON.stringify(result, null, 2).slice(0, 20_000));
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
    const job = this.board.get(this.id);
    if (job) this.show(job);
  }

  /** Goes on after the last event that was read, so that none is missed and none comes twice. */
  #follow() {
    this.#stream = new Stream({
      selectors: () => [["job", this.id], ["events", "true"], ["cursor", this.#cursor]],
      onMessage: (message) => this.#take(message),
      forced: this.transport,
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
      const job = this.board.get(this.id);
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
