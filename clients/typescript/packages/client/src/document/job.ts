// A job's document as a watcher holds it.

import type { Job } from "../protocol/generated/contract.ts";

/** Everything in it as it is, and nothing to be changed. */
export type DeepReadonly<T> = T extends (infer Element)[]
  ? readonly DeepReadonly<Element>[]
  : T extends object
    ? { readonly [Member in keyof T]: DeepReadonly<T[Member]> }
    : T;

/** A job's document. It is frozen: the next state is another object that shares what has not changed. */
export type JobDocument = DeepReadonly<Job>;
