// The server's words as people read them.

import { HeadwayError } from "@headway/client";

/** A sentence of the server, as one: with a capital at its beginning and a stop at its end. */
export function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(capital) ? capital : `${capital}.`;
}

/** What went wrong, in a sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof HeadwayError) return error.code === "unreachable" ? "The server cannot be reached." : sentence(error.message);
  if (error instanceof Error) return sentence(error.message);
  return "Something went wrong.";
}
