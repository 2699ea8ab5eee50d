// All jobs that whoever is signed in may see.

import { Page, PageHead } from "../design/page.tsx";

export function JobsPage() {
  return <Page><PageHead title="Jobs" /></Page>;
}
