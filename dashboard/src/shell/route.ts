// Addresses inside the page: `#/jobs?status=active`. What follows a `#` is sent to no server, so that
// they work below any path, and what is looked for is in nobody's log.

/** A place in the dashboard. */
export type Route =
  | { readonly name: "jobs" }
  | { readonly name: "job"; readonly id: string }
  | { readonly name: "batch"; readonly id: string }
  | { readonly name: "new_batch" }
  | { readonly name: "node" }
  | { readonly name: "sign_in" }
  | { readonly name: "unknown"; readonly path: string };

/** What stands behind the `?`: filters, the open tab. Names are written in their order, empty values not at all. */
export type Query = Readonly<Record<string, string>>;

export interface Place {
  readonly route: Route;
  readonly query: Query;
}

/** Reads a fragment, with or without its `#`. */
export function readPlace(fragment: string): Place {
  const [path, search] = split(fragment.replace(/^#/, ""));
  const parts = path.split("/").filter((part) => part !== "").map(decoded);
  const query = Object.fromEntries([...new URLSearchParams(search)].filter(([, value]) => value !== ""));
  const [first, second, ...rest] = parts;
  if (rest.length > 0) return { route: { name: "unknown", path }, query };
  if (first === undefined) return { route: { name: "jobs" }, query };
  // Addresses of older pages, which are in people's bookmarks.
  if ((first === "active" || first === "ended") && second === undefined) return { route: { name: "jobs" }, query: { ...query, status: first } };
  if (first === "jobs") return { route: second === undefined ? { name: "jobs" } : { name: "job", id: second }, query };
  if (first === "batches" && second === "new") return { route: { name: "new_batch" }, query };
  if (first === "batches" && second !== undefined) return { route: { name: "batch", id: second }, query };
  if (first === "node" && second === undefined) return { route: { name: "node" }, query };
  if (first === "sign-in" && second === undefined) return { route: { name: "sign_in" }, query };
  return { route: { name: "unknown", path }, query };
}

/** The fragment of a place, with its `#`: what goes into an `href`. */
export function hrefTo(route: Route, query: Query = {}): string {
  const said = Object.entries(query).filter(([, value]) => value !== "").sort(([one], [other]) => (one < other ? -1 : 1));
  const search = new URLSearchParams(said).toString();
  return `#/${pathOf(route)}${search === "" ? "" : `?${search}`}`;
}

/** Where a job is looked at: batches have a page of their own. */
export function hrefToJob(job: { readonly id: string; readonly items?: unknown }): string {
  return hrefTo(job.items === undefined || job.items === null ? { name: "job", id: job.id } : { name: "batch", id: job.id });
}

function pathOf(route: Route): string {
  switch (route.name) {
    case "jobs": return "jobs";
    case "job": return `jobs/${encodeURIComponent(route.id)}`;
    case "batch": return `batches/${encodeURIComponent(route.id)}`;
    case "new_batch": return "batches/new";
    case "node": return "node";
    case "sign_in": return "sign-in";
    case "unknown": return route.path.replace(/^\//, "");
  }
}

function split(fragment: string): [string, string] {
  const place = fragment.indexOf("?");
  return place < 0 ? [fragment, ""] : [fragment.slice(0, place), fragment.slice(place + 1)];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
