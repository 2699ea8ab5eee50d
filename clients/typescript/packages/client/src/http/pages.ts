// Lists that come page by page.

/** Every entry of a list, asking for the next page when the last one was read. */
export async function* pages<Page, Entry, Next>(
  read: (next: Next | undefined) => Promise<Page>,
  entries: (page: Page) => readonly Entry[],
  following: (page: Page) => Next | null | undefined,
): AsyncGenerator<Entry, void, undefined> {
  let next: Next | undefined;
  do {
    const page = await read(next);
    yield* entries(page);
    next = following(page) ?? undefined;
  } while (next !== undefined);
}
