// Documents that nobody changes: what is new is frozen, what is the same stays the same object, so
// that a reader sees by `===` which part changed.

/** A value that came as JSON. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

/** An object that came as JSON. */
export interface JsonObject {
  readonly [member: string]: Json;
}

/** Whether a value is an object and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `next`, frozen, with every part that equals the one of `held` taken from there. */
export function share(held: Json | undefined, next: Json): Json {
  if (typeof next !== "object" || next === null) return next;
  if (isList(next)) {
    const before = held !== undefined && isList(held) ? held : undefined;
    const list = next.map((value, place) => share(before?.[place], value));
    const same = before?.length === list.length && list.every((value, place) => value === before[place]);
    return same ? before : Object.freeze(list);
  }
  const before = isObject(held) ? held : undefined;
  const members = Object.entries(next).map(([name, value]) => [name, share(own(before, name), value)] as const);
  return build(before, members);
}

/** A member of its own, and never one that every object has. */
export function own(object: JsonObject | undefined, name: string): Json | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

/** An object of these members: `before`, when it has the same. */
export function build(before: JsonObject | undefined, members: readonly (readonly [string, Json])[]): JsonObject {
  const same =
    before !== undefined &&
    Object.keys(before).length === members.length &&
    members.every(([name, value]) => Object.hasOwn(before, name) && before[name] === value);
  // `fromEntries` defines members, so that one called `__proto__` is a member like any other.
  return same ? before : Object.freeze(Object.fromEntries(members));
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
