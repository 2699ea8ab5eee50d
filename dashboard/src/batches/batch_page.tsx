// One batch.

import { Page, PageHead } from "../design/page.tsx";

export function BatchPage({ id }: { readonly id: string }) {
  return <Page><PageHead title={id} /></Page>;
}
