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
  const over = new AbortController();
  network();
  window.addEventListener("online", network, over);
  window.addEventListener("offline", network, over);
  document.addEventListener("visibilitychange", tab, over);
  return () => {
    over.abort();
  };
}
