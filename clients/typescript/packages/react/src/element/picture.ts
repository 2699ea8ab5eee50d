// What <headway-progress> shows, as elements that are made once.

import type { JobSnapshot } from "@headway/client/watch";

import { percentOf, sayEta, sayPercent, sayProgress, sayShare, type Voice } from "../format/progress.ts";
import { STYLES } from "./generated/styles.ts";

const SVG = "http://www.w3.org/2000/svg";

/** What stands beside the job. */
export interface Caption {
  readonly label: string;
  /** Whether label, percent and what is left stand above the bar. */
  readonly text: boolean;
}

/** A bar in a shadow root, and the words around it. No markup is parsed and no `style` is written, so that a strict content security policy lets it be. */
export class Picture {
  readonly #root = element("div", "headway headway-progress", "base");
  readonly #words = element("div", "headway-progress-text", "text");
  readonly #label = element("span", "headway-progress-label", "label");
  readonly #more = element("span", "headway-progress-more", "more");
  readonly #percent = element("span", "headway-progress-percent headway-number", "percent");
  readonly #track = element("div", "headway-track", "track");
  readonly #notice = element("p", "headway-notice", "notice");
  readonly #bar = document.createElementNS(SVG, "svg");
  readonly #done = document.createElementNS(SVG, "rect");

  constructor(shadow: ShadowRoot) {
    shadow.adoptedStyleSheets = [sheet()];
    this.#bar.setAttribute("class", "headway-bar");
    this.#bar.setAttribute("aria-hidden", "true");
    this.#bar.setAttribute("part", "bar");
    this.#done.setAttribute("class", "headway-bar-part");
    this.#done.setAttribute("part", "done");
    this.#done.setAttribute("height", "100%");
    this.#bar.append(this.#done);
    this.#track.setAttribute("role", "progressbar");
    this.#track.append(this.#bar);
    this.#words.append(this.#label, this.#more, this.#percent);
    this.#root.append(this.#words, this.#track, this.#notice);
    shadow.append(this.#root);
  }

  /** Shows what is known. */
  show({ job, error }: Pick<JobSnapshot, "job" | "error">, { label, text }: Caption, voice: Voice): void {
    const { words } = voice;
    const percent = job && percentOf(job);
    const moves = job?.status === "running" && job.stalled !== true && percent === undefined;
    set(this.#root, "data-status", job?.stalled === true ? "stalled" : job?.status);
    this.#words.hidden = !text;
    this.#label.textContent = label;
    this.#more.textContent = job === undefined ? "" : sayEta(job, voice) || sayShare(job, voice);
    this.#percent.textContent = job === undefined ? "" : sayPercent(job, voice);
    set(this.#bar, "data-state", moves ? "unknown" : "known");
    this.#done.setAttribute("width", `${moves ? 100 : (percent ?? 0)}%`);
    set(this.#track, "aria-label", label);
    set(this.#track, "aria-valuemin", percent === undefined ? undefined : "0");
    set(this.#track, "aria-valuemax", percent === undefined ? undefined : "100");
    set(this.#track, "aria-valuenow", percent === undefined ? undefined : String(Math.floor(percent)));
    set(this.#track, "aria-valuetext", job === undefined ? words.loading : sayProgress(job, voice));
    this.#notice.hidden = error === undefined;
    this.#notice.textContent = error === undefined ? "" : error.code === "not_found" ? words.notFound : words.refused(error.message);
  }
}

let made: CSSStyleSheet | undefined;

/** One for all elements of a page. */
function sheet(): CSSStyleSheet {
  if (made === undefined) {
    made = new CSSStyleSheet();
    made.replaceSync(STYLES);
  }
  return made;
}

function element(name: "div" | "span" | "p", classes: string, part: string): HTMLElement {
  const made = document.createElement(name);
  made.className = classes;
  made.setAttribute("part", part);
  return made;
}

function set(target: Element, name: string, value: string | undefined): void {
  if (value === undefined) target.removeAttribute(name);
  else if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}
