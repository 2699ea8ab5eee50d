// Merge patches: RFC 7396.

import { build, isObject, own, share, type Json } from "./json.ts";

/**
 * `document` with `patch` applied: a member that is `null` goes, an object is merged, everything else
 * is replaced. Neither is changed; parts that the patch does not touch are the same objects as before.
 */
export function merge(document: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return share(document, patch);
  const before = isObject(document) ? document : undefined;
  const members = new Map(before === undefined ? [] : Object.entries(before));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else members.set(name, merge(own(before, name), value));
  }
  return build(before, [...members]);
}
