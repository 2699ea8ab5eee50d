// The pages, each loaded when it is wanted.

import { lazy, type ComponentType, type LazyExoticComponent } from "react";

/** A page's file could not be loaded. */
export class PageNotLoaded extends Error {
  override readonly name = "PageNotLoaded";

  constructor(cause: unknown) {
    super("The file of this page could not be loaded.", { cause });
  }
}

function page<Props>(load: () => Promise<ComponentType<Props>>): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => {
    try {
      return { default: await load() };
    } catch (cause) {
      throw new PageNotLoaded(cause);
    }
  });
}

export const JobsPage = page(() => import("../jobs/jobs_page.tsx").then((file) => file.JobsPage));
export const JobPage = page(() => import("../jobs/job_page.tsx").then((file) => file.JobPage));
export const BatchPage = page(() => import("../batches/batch_page.tsx").then((file) => file.BatchPage));
export const NewBatchPage = page(() => import("../batches/new_batch_page.tsx").then((file) => file.NewBatchPage));
export const NodePage = page(() => import("../node/node_page.tsx").then((file) => file.NodePage));
