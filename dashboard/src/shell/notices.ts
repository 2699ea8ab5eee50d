// Short news at the page's edge, which go by themselves.

import type { Tone } from "../design/tone.ts";
import { Listeners } from "./listeners.ts";

export interface Notice {
  readonly tone: Tone;
  readonly text: string;
  /** It stays until it is closed. */
  readonly stays?: boolean;
  /** What can be done about it. */
  readonly action?: { readonly label: string; readonly does: () => void };
}

export interface Told extends Notice {
  readonly key: number;
}

/** How long a notice is there, in milliseconds. */
export const NOTICE_MS = 6000;
/** At most so many at once: the oldest goes. */
const SHOWN = 3;

export class Notices {
  readonly #listeners = new Listeners();
  #told: readonly Told[] = [];
  #count = 0;

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);
  readonly getSnapshot = (): readonly Told[] => this.#told;

  readonly tell = (notice: Notice): void => {
    this.#count += 1;
    const others = this.#told.filter(({ text }) => text !== notice.text);
    this.#told = [...others, { ...notice, key: this.#count }].slice(-SHOWN);
    this.#listeners.tell();
  };

  readonly dismiss = (key: number): void => {
    this.#told = this.#told.filter((told) => told.key !== key);
    this.#listeners.tell();
  };
}
