// What of a history is not shown, and why.

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { counted } from "../../shell/words.ts";
import type { History, HistoryView } from "./history.ts";

export function HistoryNote({ history, view }: { readonly history: History; readonly view: HistoryView }) {
  if (view.error !== undefined) {
    return <div className="job-notes"><Banner tone="bad" title="The history could not be read" actions={<Button size="small" onClick={() => void history.read()}>Try again</Button>}>{view.error}</Banner></div>;
  }
  return (
    <div className="job-notes">
      {view.beginsLate && <Banner>The log has forgotten its beginning: what is shown begins later.</Banner>}
      {!view.complete && !view.reading && (
        <Banner actions={<Button size="small" onClick={() => { history.more(); }}>Read further</Button>}>
          These are the first {counted(view.read, "event")} and what has come since you are here. Those between are not read yet.
        </Banner>
      )}
    </div>
  );
}
