// What a browser tells a page of its network and its tab; elsewhere nothing is told.

export interface Surroundings {
  online(online: boolean): void;
  visible(visible: boolean): void;
}

/** Tells what is so now and what changes, until the function that it gives is called. */
export function observe(surroundings: Surroundings): () => void {
  if (typeof window === "undefined" || typeof document === "undefined") return () => undefined;
  const network = (): void => {
    surroundings.online(navigator.onLine);
  };
  const tab = (): void => {
    surroundings.visible(document.visibilityState === "visible");
  };
  const heard: readonly (readonly [EventTarget, string, () => void])[] = [
    [window, "online", network],
    [window, "offline", network],
    [document, "visibilitychange", tab],
  ];
  network();
  for (const [target, type, listener] of heard) target.addEventListener(type, listener);
  return () => {
    for (const [target, type, listener] of heard) target.removeEventListener(type, listener);
  };
}
