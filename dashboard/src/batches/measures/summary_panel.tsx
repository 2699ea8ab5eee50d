// How far the batch is, now or at a moment of its past.

import { BatchProgress, formatDuration, isTerminal, type JobDocument } from "@headway/react";

import { Facts, Panel } from "../../design/page.tsx";

interface SummaryPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The document that is shown: the job as it is, or as it was at `at`. */
  readonly shown: JobDocument;
  readonly at: number | undefined;
  readonly onLook: (at: number | undefined, document: JobDocument | undefined) => void;
}

export function SummaryPanel({ shown }: SummaryPanelProps) {
  const { started_at: started, finished_at: finished } = shown;
  const took = started == null ? undefined : Date.parse(finished ?? shown.updated_at) - Date.parse(started);
  return (
    <Panel title="Progress">
      <BatchProgress job={shown} />
      <Facts of={[[isTerminal(shown.status) ? "Took" : "Running for", took === undefined ? undefined : <span className="numbers">{formatDuration(took)}</span>]]} />
    </Panel>
  );
}
