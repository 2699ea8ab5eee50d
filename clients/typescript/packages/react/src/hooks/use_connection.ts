"use client";
// How the connection is.

import type { ConnectionState } from "@headway/client";

import { useProvided } from "../provider/context.ts";
import { UNCONNECTED } from "../watch/unwatched.ts";
import { useSelected, whole } from "../watch/selection.ts";

/** How the connection is that all hooks of a provider share, or what `select` takes of it. */
export function useConnection(): ConnectionState;
export function useConnection<Selected>(
  select: (connection: ConnectionState) => Selected,
  isEqual?: (one: Selected, other: Selected) => boolean,
): Selected;
export function useConnection(
  select: (connection: ConnectionState) => unknown = whole,
  isEqual: (one: unknown, other: unknown) => boolean = Object.is,
): unknown {
  const { headway } = useProvided();
  return useSelected(headway.connection, UNCONNECTED, select, isEqual);
}
