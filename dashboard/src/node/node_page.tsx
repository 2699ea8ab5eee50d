// The node: what it is busy with.

import { Page, PageHead } from "../design/page.tsx";

export function NodePage() {
  return <Page><PageHead title="Node" /></Page>;
}
