"use client";
// The client of the nearest provider.

import type { Headway } from "@headway/client";

import { useProvided } from "../provider/context.ts";

/** The client of the nearest provider, for requests and commands. */
export function useHeadway(): Headway {
  return useProvided().headway;
}
