// Keys that do something on the page, and the list of them.

import { useEffect, useEffectEvent } from "react";

import { Dialog } from "../design/dialog.tsx";
import { Facts, Key } from "../design/page.tsx";

/** Whether somebody is typing, so that a letter is a letter. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

/** Calls for keys without Ctrl, Alt and Meta, while nobody types and no dialog is open. Whoever takes a key says so with `true`. */
export function useKeys(take: (key: string, event: KeyboardEvent) => boolean): void {
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return;
    if (take(event.key, event)) event.preventDefault();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => { onKey(event); };
    document.addEventListener("keydown", listen);
    return () => { document.removeEventListener("keydown", listen); };
  }, []);
}

export function ShortcutsDialog({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <Facts
        of={[
          ["Search jobs", <Key>/</Key>],
          ["Next, previous job", <span><Key>j</Key> <Key>k</Key> or <Key>↓</Key> <Key>↑</Key></span>],
          ["Open the job", <Key>Enter</Key>],
          ["Jobs, new batch, node", <span><Key>g</Key> then <Key>j</Key>, <Key>b</Key>, <Key>n</Key></span>],
          ["Replay: step back, forward", <span><Key>←</Key> <Key>→</Key></span>],
          ["Replay: play, pause", <Key>Space</Key>],
          ["This list", <Key>?</Key>],
        ]}
      />
    </Dialog>
  );
}
