// One job.

import { Page, PageHead } from "../design/page.tsx";

export function JobPage({ id }: { readonly id: string }) {
  return <Page><PageHead title={id} /></Page>;
}
