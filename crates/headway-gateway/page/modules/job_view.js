// The card of one job.

import { actionsFor } from "./actions.js";
import { byId, element, setAttribute, setSpan, setStyle, setText, showBadge } from "./element.js";
import { duration, money, percentFormat, rateOf, tenth, titleOf, whole } from "./format.js";
import { ENDED, ITEM_FIGURES } from "./status.js";

/**
 * Shows one document at a time. What is pressed is told to `onAction` and `onToggle`; nothing here
 * asks the server.
 */
export class JobView {
  constructor(id, { onAction, onToggle }) {
    this.id = id;
    /** Whether it is on the screen, or nearly. */
    this.inSight = true;
    /** Whether it has shown a document yet. */
    this.shown = false;
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
    this.parts.toggle.onclick = () => onToggle(id);
    for (const button of this.buttons) button.onclick = () => onAction(this, button.dataset.action);
  }

  /** Shows a document; `alone` when the page shows no other job. `may` says what may be asked of it. */
  show(job, alone, may) {
    const { parts, element: card } = this;
    this.shown = true;
    setAttribute(card, "data-status", job.status);
    showBadge(parts.badge, job.status);
    setText(parts.name, titleOf(job));
    parts.toggle.hidden = alone;
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
    for (const button of this.buttons) {
      const { action } = button.dataset;
      button.hidden = !allowed.has(action) || !may(action);
    }
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
