// The server's words as people read them.

import { HeadwayError } from "@headway/client";
import { formatCount } from "@headway/react";

/** A sentence of the server, as one: with a capital at its beginning and a stop at its end. */
export function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** A number of things: `1 event`, `1,204 events`. */
export function counted(number: number, one: string, many = `${one}s`): string {
  return `${formatCount(number)} ${number === 1 ? one : many}`;
}

/** What went wrong, in a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof HeadwayError) return error.code === "unreachable" ? "The server cannot be reached." : sentence(error.message);
  if (error instanceof Error) return sentence(error.message);
  return "Something went wrong.";
}
