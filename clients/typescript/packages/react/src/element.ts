/**
 * `<headway-progress job="…">`: how far a job is, without React. Importing this defines the element.
 *
 * ```html
 * <script type="module">import "@headway/react/element";</script>
 * <headway-progress job="import-7" label="Import" text></headway-progress>
 * ```
 *
 * @module
 */

import type { JobSnapshot, JobWatch, Watcher } from "@headway/client/watch";

import { borrow } from "./element/watchers.ts";
import { Picture } from "./element/picture.ts";
import { ENGLISH, type Words } from "./words/words.ts";

/** Where there are no elements, as on a server, there is a class all the same: importing it does no harm. */
const Base: typeof HTMLElement = typeof HTMLElement === "undefined" ? (Object as unknown as typeof HTMLElement) : HTMLElement;

const UNKNOWN: Pick<JobSnapshot, "job" | "error"> = { job: undefined, error: undefined };

/**
 * How far a job is. Attributes: `job` (its id), `url` (the server; the page's own unless said), `token` (a
 * watch token), `label`, `text` (shows label, percent and what is left above the bar), `lang` (for numbers).
 * Each change is an event `headway-change`, whose `detail` is the snapshot.
 */
export class HeadwayProgress extends Base {
  static readonly observedAttributes = ["job", "url", "token", "label", "text", "lang"];
  readonly #picture: Picture | undefined;
  #given: Watcher | undefined;
  #words: Words = ENGLISH;
  #snapshot = UNKNOWN;
  #watched: { readonly key: unknown[]; readonly watch: JobWatch; readonly stop: () => void } | undefined;
  #settling = false;

  constructor() {
    super();
    this.#picture = new Picture(this.attachShadow({ mode: "open" }));
  }

  /** A client to watch with, in place of `url` and `token`: a `Headway` or a `Watcher`, which stays the application's to close. */
  get headway(): Watcher | undefined {
    return this.#given;
  }

  set headway(watcher: Watcher | undefined) {
    this.#given = watcher;
    this.#settle();
  }

  /** Words in place of the English ones. */
  set words(words: Partial<Words>) {
    this.#words = { ...ENGLISH, ...words };
    this.#show();
  }

  connectedCallback(): void {
    this.#settle();
    this.#show();
  }

  disconnectedCallback(): void {
    this.#settle();
  }

  attributeChangedCallback(): void {
    this.#settle();
    this.#show();
  }

  /** Watches what the attributes say, once for changes that come together: an element that moves is taken out and put in. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    queueMicrotask(() => {
      this.#settling = false;
      this.#watch();
    });
  }

  #watch(): void {
    const job = this.isConnected ? attribute(this, "job") : undefined;
    const [url, token] = [attribute(this, "url"), attribute(this, "token")];
    const key = [job, this.#given, url, token];
    if (this.#watched?.key.every((part, place) => part === key[place]) === true) return;
    const before = this.#watched;
    this.#watched = undefined;
    if (job !== undefined) {
      if (before?.key[0] !== job) this.#snapshot = UNKNOWN;
      const { watcher, giveBack } = this.#given === undefined ? borrow(url, token) : { watcher: this.#given, giveBack: () => undefined };
      const watch = watcher.watchJob(job);
      const leave = watch.subscribe(() => {
        this.#changed(watch.getSnapshot());
      });
      const stop = (): void => {
        leave();
        watch.close();
        giveBack();
      };
      this.#watched = { key, watch, stop };
      this.#changed(watch.getSnapshot());
    }
    // Afterwards, so that what both watch is not forgotten between them.
    before?.stop();
  }

  #changed(snapshot: JobSnapshot): void {
    // What was last seen stays until something else is known.
    if (snapshot.job === undefined && snapshot.error === undefined) {
      this.#show();
      return;
    }
    this.#snapshot = snapshot;
    this.#show();
    this.dispatchEvent(new CustomEvent<JobSnapshot>("headway-change", { detail: snapshot }));
  }

  #show(): void {
    const { job } = this.#snapshot;
    const label = attribute(this, "label") ?? job?.name ?? this.#words.progress;
    const locale = this.lang === "" ? "en" : this.lang;
    this.#picture?.show(this.#snapshot, { label, text: this.hasAttribute("text") }, { locale, words: this.#words });
  }
}

function attribute(element: Element, name: string): string | undefined {
  const value = element.getAttribute(name);
  return value === null || value === "" ? undefined : value;
}

if (typeof customElements !== "undefined" && customElements.get("headway-progress") === undefined) {
  customElements.define("headway-progress", HeadwayProgress);
}

declare global {
  interface HTMLElementTagNameMap {
    "headway-progress": HeadwayProgress;
  }
  interface HTMLElementEventMap {
    "headway-change": CustomEvent<JobSnapshot>;
  }
}
