// Makes a batch.

import { Page, PageHead } from "../design/page.tsx";

export function NewBatchPage() {
  return <Page><PageHead title="New batch" /></Page>;
}
