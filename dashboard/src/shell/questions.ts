// Questions that are asked in a dialog, one after the other.

import { Listeners } from "./listeners.ts";

export interface Question {
  readonly title: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  /** Whether what follows a yes cannot be taken back. */
  readonly danger?: boolean;
  /** Something to fill in. */
  readonly field?: { readonly label: string; readonly value: string };
}

/** A question that waits for its answer. */
export interface Asked extends Question {
  /** `undefined` is a no; a yes comes with what was filled in. */
  readonly answer: (text: string | undefined) => void;
}

export class Questions {
  readonly #listeners = new Listeners();
  #waiting: readonly Asked[] = [];

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);
  readonly getSnapshot = (): Asked | undefined => this.#waiting[0];

  /** Asks; `undefined` when the answer was no, else what was filled in. */
  readonly ask = (question: Question): Promise<string | undefined> =>
    new Promise((resolve) => {
      const asked: Asked = {
        ...question,
        answer: (text) => {
          this.#waiting = this.#waiting.filter((other) => other !== asked);
          resolve(text);
          this.#listeners.tell();
        },
      };
      this.#waiting = [...this.#waiting, asked];
      this.#listeners.tell();
    });

  /** Answers everything with no: whoever was asked has left. */
  dismiss(): void {
    for (const asked of this.#waiting) asked.answer(undefined);
  }
}
