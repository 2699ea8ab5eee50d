// Links that somebody was given: `#job=ID&token=TOKEN`. What follows the `#` is never sent to a
// server, nor is it in anybody's log.

/**
 * Takes what a link carries out of the address, at once: neither the address bar nor the page's
 * history shows the token afterwards. `null` when the address is no such link.
 *
 * A token in the query has been sent with the request for the page. It is taken out as well, and
 * `sent` says so.
 */
export function takeLink() {
  const query = new URLSearchParams(location.search);
  const fragment = new URLSearchParams(location.hash.startsWith("#/") ? "" : location.hash.slice(1));
  const sent = query.has("token");
  if (!sent && !fragment.has("token") && !fragment.has("job")) return null;
  query.delete("token");
  const job = fragment.get("job");
  const rest = query.size ? `?${query}` : "";
  const route = job ? `#/jobs/${encodeURIComponent(job)}` : location.hash.startsWith("#/") ? location.hash : "";
  history.replaceState(null, "", `${location.pathname}${rest}${route}`);
  return { job, token: fragment.get("token"), sent };
}
