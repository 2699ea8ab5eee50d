// Connections of elements: those of one server and one token share one.

import { Watcher } from "@headway/client/watch";

/** How long a connection is kept that no element uses: one that moves on its page comes back at once. */
const KEPT_MS = 1_000;

interface Shared {
  readonly watcher: Watcher;
  users: number;
  closing: ReturnType<typeof setTimeout> | undefined;
}

const shared = new Map<string, Shared>();

/** A watcher, and the function that gives it back. */
export function borrow(url: string | undefined, token: string | undefined): { readonly watcher: Watcher; readonly giveBack: () => void } {
  const key = JSON.stringify([url, token]);
  const entry: Shared = shared.get(key) ?? {
    watcher: new Watcher({ url, token: token === undefined ? undefined : () => token }),
    users: 0,
    closing: undefined,
  };
  shared.set(key, entry);
  entry.users += 1;
  clearTimeout(entry.closing);
  return {
    watcher: entry.watcher,
    giveBack: () => {
      entry.users -= 1;
      if (entry.users > 0) return;
      entry.closing = setTimeout(() => {
        shared.delete(key);
        entry.watcher.close();
      }, KEPT_MS);
    },
  };
}
