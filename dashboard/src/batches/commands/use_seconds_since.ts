// How long something has been so.

import { useEffect, useState } from "react";

/** Whole seconds since `key` became what it is; 0 while it is `undefined`. */
export function useSecondsSince(key: string | undefined): number {
  const [state, setState] = useState({ key, seconds: 0 });
  useEffect(() => {
    if (key === undefined) return;
    const begun = performance.now();
    const timer = setInterval(() => {
      setState({ key, seconds: Math.round((performance.now() - begun) / 1_000) });
    }, 1_000);
    return () => {
      clearInterval(timer);
    };
  }, [key]);
  return state.key === key ? state.seconds : 0;
}
