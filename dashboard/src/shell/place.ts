// Where somebody is in the dashboard, as components read it and change it.

import { useCallback, useSyncExternalStore } from "react";

import { hrefTo, readPlace, type Place, type Query, type Route } from "./route.ts";

let read = { fragment: "", place: readPlace("") };

function current(): Place {
  const fragment = location.hash;
  if (read.fragment !== fragment) read = { fragment, place: readPlace(fragment) };
  return read.place;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  window.addEventListener("headway:place", listener);
  return () => {
    window.removeEventListener("hashchange", listener);
    window.removeEventListener("headway:place", listener);
  };
}

/** Goes somewhere. `replace`: the way back does not lead to where one was. */
export function go(route: Route, query: Query = {}, { replace = false }: { readonly replace?: boolean } = {}): void {
  const href = hrefTo(route, query);
  if (href === location.hash) return;
  if (!replace) {
    location.hash = href;
    return;
  }
  history.replaceState(history.state, "", href);
  window.dispatchEvent(new Event("headway:place"));
}

/** The place, and again when it changes. */
export function usePlace(): Place {
  return useSyncExternalStore(subscribe, current);
}

/** What stands behind the `?`, and what changes it: members that are `undefined` are taken out. It does not lengthen the way back. */
export function useQuery(): readonly [Query, (change: Readonly<Record<string, string | undefined>>) => void] {
  const { query } = usePlace();
  const change = useCallback((members: Readonly<Record<string, string | undefined>>) => {
    const { route, query: before } = current();
    const next: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...before, ...members })) if (value !== undefined && value !== "") next[name] = value;
    go(route, next, { replace: true });
  }, []);
  return [query, change];
}
