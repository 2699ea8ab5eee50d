// How far the batch is, now or at a moment of its past.

import { BatchProgress, formatDuration, formatTime, isTerminal, type JobDocument } from "@headway/react";

import { Panel } from "../../design/page.tsx";

interface SummaryPanelProps {
  /** The job as it is, or as it was at `at`. */
  readonly shown: JobDocument;
  readonly at: number | undefined;
}

export function SummaryPanel({ shown, at }: SummaryPanelProps) {
  const { started_at: started, finished_at: finished } = shown;
  const took = started === undefined || started === null ? undefined : Date.parse(finished ?? shown.updated_at) - Date.parse(started);
  return (
    <Panel
      title={at === undefined ? "Progress" : `Progress at ${formatTime(at, { show: "time" })}`}
      actions={took === undefined ? undefined : <span className="faint numbers">{`${isTerminal(shown.status) ? "took" : "for"} ${formatDuration(took)}`}</span>}
    >
      <div className="summary"><BatchProgress job={shown} announce={at === undefined} /></div>
    </Panel>
  );
}
