// A job by whichever watch brings it: for whoever has to know it beside those who show it.

import type { JobDocument, Store } from "@headway/client";

/** Something that is watched, and that may bring the job. */
export type Source = Pick<Store<unknown>, "subscribe">;

/** What is watched, and what can be. */
export interface Surrounding {
  /** The newest document that a watch holds. */
  readonly document: () => JobDocument | undefined;
  /** A watch that brings the job and that others keep open. */
  readonly found: () => Source | undefined;
  /** A watch for where there is none: open as long as it is subscribed to. */
  readonly own: Source;
  /** Calls when another watch may bring the job, until the function that it gives is called. */
  readonly changed: (call: () => void) => () => void;
}

/**
 * The document of a job; `undefined` before the first one came.
 *
 * **Invariant:** it asks the server for something only while no other watch brings the job, and keeps no
 * other watch open.
 */
export function knownJob({ document, found, own, changed }: Surrounding): Store<JobDocument | undefined> {
  let last: JobDocument | undefined;
  return {
    // What was seen before stays until something else is known.
    getSnapshot: () => (last = document() ?? last),
    subscribe: (listener) => {
      let source: Source | undefined;
      let leave: (() => void) | undefined;
      let over = false;
      const settle = (): void => {
        if (over) return;
        const next = found() ?? own;
        if (next === source) return;
        const before = leave;
        source = next;
        // A list may bring the job no longer.
        leave = next.subscribe(() => {
          settle();
          listener();
        });
        before?.();
        listener();
      };
      const forget = changed(settle);
      // The effects of one rendering run together, and those of who shows the job may come last.
      queueMicrotask(settle);
      return () => {
        over = true;
        forget();
        leave?.();
      };
    },
  };
}
