// Where the results of a batch can be fetched, and what the file is called.

import type { ItemStatus } from "@headway/client";

export function resultsHref(page: string, id: string, format: "jsonl" | "csv", status: ItemStatus | undefined): { readonly href: string; readonly name: string } {
  const address = new URL(`api/v1/batches/${encodeURIComponent(id)}/results`, new URL(".", page));
  address.searchParams.set("format", format);
  if (status !== undefined) address.searchParams.set("status", status);
  return { href: address.href, name: `${id}${status === undefined ? "" : `-${status}`}.${format}` };
}
