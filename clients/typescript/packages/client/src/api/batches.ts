// Batches: made of a list or a file, looked at, commanded, read out.

import type { BatchOptions, BatchRequest, ErrorGroups, Estimate, Item, ItemPage, ItemStatus, Job, Timings } from "../protocol/generated/contract.ts";
import { HeadwayError } from "../http/error.ts";
import { jsonLines } from "../http/lines.ts";
import { pages } from "../http/pages.ts";
import { creating, path, type CreateOptions, type RequestOptions, type Requester } from "../http/requester.ts";
import { Commands } from "./commands.ts";

/** Which items a list holds. */
export interface ItemQuery {
  readonly status?: readonly ItemStatus[] | undefined;
  /** Only items that failed with this code. */
  readonly error?: string | undefined;
  /** The `next` of the page before. */
  readonly after?: number | undefined;
  /** At most so many on a page. */
  readonly limit?: number | undefined;
}

/** Items as a file: JSONL or CSV in UTF-8, told apart by its type or by its name's ending. */
export interface ItemFile {
  readonly content: Blob;
  /** Such as `leads.csv`. */
  readonly name: string;
}

export class Batches extends Commands {
  constructor(requester: Requester) {
    super(requester, "batches");
  }

  create(request: BatchRequest, options: CreateOptions = {}): Promise<Job> {
    return this.requester.json("POST", path("batches"), { body: request, headers: creating(options), signal: options.signal });
  }

  /** Makes a batch of a file, which is sent as it is read. */
  upload(file: ItemFile, request: BatchOptions = {}, options: CreateOptions = {}): Promise<Job> {
    return this.requester.json("POST", path("batches"), { body: form(file, request), headers: creating(options), signal: options.signal });
  }

  /** What a batch would cost and how long it would take; nothing is made. */
  estimate(request: BatchRequest, { signal }: RequestOptions = {}): Promise<Estimate> {
    return this.requester.json("POST", path("estimates"), { body: request, signal });
  }

  /** The same for a file. */
  estimateFile(file: ItemFile, request: BatchOptions = {}, { signal }: RequestOptions = {}): Promise<Estimate> {
    return this.requester.json("POST", path("estimates"), { body: form(file, request), signal });
  }

  get(id: string, { signal }: RequestOptions = {}): Promise<Job> {
    return this.requester.json("GET", path("batches", id), { signal });
  }

  /** A page of items, by index. */
  items(id: string, query: ItemQuery = {}, { signal }: RequestOptions = {}): Promise<ItemPage> {
    return this.requester.json("GET", path("batches", id, "items"), { query: { ...query }, signal });
  }

  /** Every item, by index. */
  allItems(id: string, query: Omit<ItemQuery, "after"> = {}, options: RequestOptions = {}): AsyncGenerator<Item, void, undefined> {
    return pages(
      (after: number | undefined) => this.items(id, { ...query, after }, options),
      ({ items }) => items,
      ({ next }) => next,
    );
  }

  /** Why items failed: groups of the same code and, but for numbers and quoted words, the same message; the largest first. */
  errors(id: string, query: { readonly limit?: number | undefined } = {}, { signal }: RequestOptions = {}): Promise<ErrorGroups> {
    return this.requester.json("GET", path("batches", id, "errors"), { query: { ...query }, signal });
  }

  /** How many items finished when, and how long they took; at most so many `points`. */
  timings(id: string, query: { readonly points?: number | undefined } = {}, { signal }: RequestOptions = {}): Promise<Timings> {
    return this.requester.json("GET", path("batches", id, "timings"), { query: { ...query }, signal });
  }

  /** Every item with what came of it, by index, read as it comes in one answer. */
  async *results(id: string, { status, signal }: RequestOptions & Pick<ItemQuery, "status"> = {}): AsyncGenerator<Item, void, undefined> {
    const { body } = await this.resultsFile(id, "jsonl", { status, signal });
    if (body === null) throw new HeadwayError("the answer has no body");
    yield* jsonLines<Item>(body);
  }

  /** The results as a file: the answer, whose body has not been read. */
  resultsFile(id: string, format: "jsonl" | "csv", { status, signal }: RequestOptions & Pick<ItemQuery, "status"> = {}): Promise<Response> {
    return this.requester.send("GET", path("batches", id, "results"), { query: { status, format }, signal });
  }
}

/** The options come first: the server reads the file as it comes. */
function form({ content, name }: ItemFile, request: BatchOptions): FormData {
  const parts = new FormData();
  parts.append("options", JSON.stringify(request));
  parts.append("file", content, name);
  return parts;
}
