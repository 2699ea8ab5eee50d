// Whether tabs can find each other. Apart from what they do then, which is loaded later.

/** Whether this platform lets tabs find each other: in a browser, and where the page came over TLS or from this machine. */
export function canShare(): boolean {
  return (
    typeof window !== "undefined" &&
    typeof BroadcastChannel === "function" &&
    (navigator as Partial<Navigator>).locks !== undefined &&
    (globalThis as { crypto?: Partial<Crypto> }).crypto?.subtle !== undefined
  );
}
