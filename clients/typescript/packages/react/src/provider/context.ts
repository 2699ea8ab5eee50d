"use client";
// What a provider gives to everything inside it.

import { createContext, useContext } from "react";
import type { Headway } from "@headway/client";

import type { WatchPool } from "../watch/pool.ts";

/** A client and the watches that are shared of it. */
export interface Provided {
  readonly headway: Headway;
  readonly pool: WatchPool;
}

export const HeadwayContext = createContext<Provided | undefined>(undefined);

/** What the nearest provider gives. */
export function useProvided(): Provided {
  const provided = useContext(HeadwayContext);
  if (provided === undefined) throw new Error("no Headway client here: put <HeadwayProvider> around this component");
  return provided;
}
