// What came out of a job: its result, why it failed, and what it has given meanwhile.

import { useMemo } from "react";
import type { JobDocument } from "@headway/client";

import { Banner } from "../../design/banner.tsx";
import { CopyButton } from "../../design/copy_button.tsx";
import { Empty } from "../../design/empty.tsx";
import { JsonTree } from "../../design/json_tree.tsx";
import { Ago } from "../../design/time.tsx";
import type { PastEvent } from "./history.ts";
import { latestPartials, placeOf } from "./partials.ts";

interface ResultsPanelProps {
  readonly job: JobDocument;
  readonly events: readonly PastEvent[];
  /** Whether these are all events that there were. */
  readonly isWhole: boolean;
}

export function ResultsPanel({ job, events, isWhole }: ResultsPanelProps) {
  const partials = useMemo(() => latestPartials(events), [events]);
  const result: unknown = job.result ?? undefined;
  if (result === undefined && partials.length === 0 && (job.error === undefined || job.error === null)) {
    return <Empty icon="layers" title="No result yet">What the job gives, on its way and at its end, is shown here.</Empty>;
  }
  return (
    <div className="results">
      {job.error?.details !== undefined && (
        <section><h2>Details of the error</h2><div className="results__value"><JsonTree value={job.error.details} label="Details of the error" /></div></section>
      )}
      {job.error !== undefined && job.error !== null && result === undefined && partials.length === 0 && job.error.details === undefined && <Banner tone="idle">There is no result. Why it ended is said above.</Banner>}
      {result !== undefined && (
        <section>
          <h2>Result <CopyButton what="the result" text={JSON.stringify(result, null, 2)} /></h2>
          <div className="results__value"><JsonTree value={result} label="The result" /></div>
        </section>
      )}
      {partials.map(({ name, data, at, times }) => (
        <section key={name}>
          <h2>{name} <small>{times > 1 ? `${placeOf(times, isWhole)}, ` : ""}{at !== undefined && <Ago at={at} />}</small></h2>
          <div className="results__value"><JsonTree value={data} label={name} /></div>
        </section>
      ))}
    </div>
  );
}
