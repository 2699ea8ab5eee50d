// While nobody knows yet who is here, and when the server cannot be asked.

import "./sign_in.css";

import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { useWindowTitle } from "../design/page.tsx";
import { useSurroundings } from "./context.ts";
import { Wordmark } from "./wordmark.tsx";

/** The frame's outline, for the moment before it. */
export function AskingPage() {
  return (
    <div className="frame" aria-busy="true">
      <header className="frame__head"><Wordmark href="#/jobs" /></header>
      <main className="page"><p className="unseen" role="status">Loading…</p><Skeleton width={160} height={24} /></main>
    </div>
  );
}

export function UnreachablePage() {
  useWindowTitle("Headway");
  const { session } = useSurroundings();
  return (
    <div className="frame">
      <header className="frame__head"><Wordmark href="#/jobs" /></header>
      <main role="status">
        <Empty icon="offline" title="The server cannot be reached" whole more={<Button icon="retry" onClick={() => { session.retryNow(); }}>Try now</Button>}>
          It is tried again by itself, and this page opens as soon as it answers.
        </Empty>
      </main>
    </div>
  );
}
