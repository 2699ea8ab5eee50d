// What of a history is not shown, and why.

import { formatCount } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { olderOf, type History, type HistoryView } from "./history.ts";

export function HistoryNote({ history, view }: { readonly history: History; readonly view: HistoryView }) {
  const { events, full, beginsLate, error } = view;
  if (error !== undefined) {
    return <div className="job-notes"><Banner tone="bad" title="The history could not be read" actions={<Button size="small" onClick={() => void history.read()}>Try again</Button>}>{error}</Banner></div>;
  }
  const older = olderOf(history, view);
  const newest = `These are the newest ${formatCount(events.length)} events.`;
  return (
    <div className="job-notes">
      {beginsLate && <Banner>The log has forgotten its beginning: what is shown begins later.</Banner>}
      {full && <Banner>{newest} A page holds no more; JSON Lines has them all.</Banner>}
      {older !== undefined && <Banner actions={<Button size="small" busy={older.busy} onClick={older.read}>Read older</Button>}>{newest}</Banner>}
    </div>
  );
}
