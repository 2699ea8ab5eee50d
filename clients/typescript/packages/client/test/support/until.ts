// Waits for a state, never for a time.

import type { Store } from "../../src/index.ts";

/** How long a state may take before the test says that it did not come: a client may wait 16 s before it comes back. */
const PATIENCE_MS = 90_000;

/** The first snapshot, from now on, that is as asked. */
export function until<Snapshot>(store: Store<Snapshot>, is: (snapshot: Snapshot) => boolean): Promise<Snapshot> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const snapshot = store.getSnapshot();
      if (!is(snapshot)) return;
      stop();
      clearTimeout(timer);
      resolve(snapshot);
    };
    const stop = store.subscribe(look);
    const timer = setTimeout(() => {
      stop();
      reject(new Error(`not reached: the last state is ${JSON.stringify(store.getSnapshot())}`));
    }, PATIENCE_MS);
    look();
  });
}
