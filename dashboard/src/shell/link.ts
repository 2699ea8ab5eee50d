// Links that somebody was given: `#job=ID&token=TOKEN`. What follows the `#` is sent to no server and
// is in nobody's log.

import { hrefTo } from "./route.ts";

export interface Link {
  readonly job: string | undefined;
  readonly token: string | undefined;
  /** Whether a token stood in the query, where it has been sent with the request for the page. */
  readonly sent: boolean;
}

/** What a link carries, and the address without it; `undefined` when the address is no such link. */
export function readLink(address: URL): { readonly link: Link; readonly rest: string } | undefined {
  const fragment = new URLSearchParams(address.hash.startsWith("#/") ? "" : address.hash.slice(1));
  const sent = address.searchParams.has("token");
  if (!sent && !fragment.has("token") && !fragment.has("job")) return undefined;
  const query = new URLSearchParams(address.search);
  query.delete("token");
  const job = fragment.get("job") ?? undefined;
  const search = query.size === 0 ? "" : `?${query.toString()}`;
  const place = job !== undefined ? hrefTo({ name: "job", id: job }) : address.hash.startsWith("#/") ? address.hash : "";
  return { link: { job, token: fragment.get("token") ?? undefined, sent }, rest: `${address.pathname}${search}${place}` };
}

/** Takes what a link carries out of the address, at once: neither the address bar nor the page's history shows the token afterwards. */
export function takeLink(): Link | undefined {
  const found = readLink(new URL(location.href));
  if (found === undefined) return undefined;
  history.replaceState(null, "", found.rest);
  return found.link;
}

/** The link that shows a job to whoever is given it. */
export function linkTo(job: string, token: string | undefined, page: URL): string {
  const address = new URL(page.pathname, page.origin);
  if (token === undefined) address.hash = hrefTo({ name: "job", id: job });
  else address.hash = new URLSearchParams({ job, token }).toString();
  return address.href;
}
