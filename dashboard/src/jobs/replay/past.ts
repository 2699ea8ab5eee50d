// Reads a job's past for the player, as much as a browser should hold, and plays it.

import type { Headway, JobDocument } from "@headway/client";

import { reasonOf } from "../../shell/words.ts";
import { Player, type PlayerView, type Speed } from "./player.ts";

const PAGE = 1000;
/** Changes that are read at once: some seconds of reading, some tens of megabytes. */
export const CHANGES = 20_000;
/** How often what is new is read while a job runs, in milliseconds. */
const FOLLOW_MS = 2000;
/** How often the moment moves while it plays, in milliseconds. */
const FRAME_MS = 50;

export interface PastView extends PlayerView {
  readonly reading: boolean;
  /** Whether everything up to now was read. */
  readonly complete: boolean;
  readonly error: string | undefined;
}

export class Past {
  readonly #client: Headway;
  readonly #id: string;
  #player = new Player(undefined);
  readonly #listeners = new Set<() => void>();
  #ending = new AbortController();
  #reading = false;
  #complete = false;
  #limit = CHANGES;
  #records = 0;
  #error: string | undefined;
  #view: PastView;
  #timer: ReturnType<typeof setInterval> | undefined;
  #following: ReturnType<typeof setTimeout> | undefined;

  constructor(client: Headway, id: string) {
    this.#client = client;
    this.#id = id;
    this.#view = this.#look();
  }

  readonly getSnapshot = (): PastView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Begins to read. `now`: the job as it is, for what a log that was cut does not tell. */
  start(now: JobDocument): void {
    this.#ending = new AbortController();
    this.#player = new Player(now);
    this.#records = 0;
    this.#reading = false;
    void this.read();
  }

  stop(): void {
    this.#ending.abort();
    clearInterval(this.#timer);
    clearTimeout(this.#following);
    this.#timer = this.#following = undefined;
  }

  /** Reads to the end, or as much as it was allowed to. */
  async read(): Promise<void> {
    if (this.#reading) return;
    const { signal } = this.#ending;
    this.#reading = true;
    this.#error = undefined;
    this.#change();
    try {
      while (this.#records < this.#limit) {
        const page = await this.#client.jobs.records(this.#id, { after: this.#player.cursor, limit: PAGE }, { signal });
        if (signal.aborted) return;
        this.#player.add(page.records);
        this.#records += page.records.length;
        this.#complete = page.next === undefined || page.next === null;
        this.#change();
        if (this.#complete) break;
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#error = reasonOf(error);
    }
    this.#reading = false;
    this.#change();
  }

  /** Reads on, as much again. */
  more(): void {
    this.#limit += CHANGES;
    void this.read();
  }

  /** The job has moved: what is new is read soon. */
  moved(): void {
    if (this.#following !== undefined || !this.#complete) return;
    this.#following = setTimeout(() => {
      this.#following = undefined;
      void this.read();
    }, FOLLOW_MS);
  }

  seek(moment: number): void {
    this.#player.seek(moment);
    this.#change();
  }

  step(direction: 1 | -1): void {
    this.#player.step(direction);
    this.#change();
  }

  setSpeed(speed: Speed): void {
    this.#player.setSpeed(speed);
    this.#change();
  }

  toggle(): void {
    this.#player.toggle();
    this.#change();
    if (!this.#view.playing || this.#timer !== undefined) return;
    let before = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#player.advance(now - before);
      before = now;
      this.#change();
      if (this.#view.playing) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    }, FRAME_MS);
  }

  #look(): PastView {
    return { ...this.#player.view(), reading: this.#reading, complete: this.#complete, error: this.#error };
  }

  #change(): void {
    if (this.#ending.signal.aborted) return;
    this.#view = this.#look();
    for (const listener of [...this.#listeners]) listener();
  }
}
