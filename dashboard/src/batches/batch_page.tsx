// One batch: how far it is, how fast it goes, what it costs, why items fail, and the items; now, or at a
// moment of its past.

import "../jobs/job.css";
import "../jobs/jobs.css";
import "./batches.css";
import { useCallback, useEffect, useState } from "react";
import { useBatch, type JobDocument } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Empty } from "../design/empty.tsx";
import { Page, PageHead, Panel, useWindowTitle } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { MissingJob } from "../jobs/page/missing_job.tsx";
import { ReplayBar } from "../jobs/replay/replay_bar.tsx";
import { usePast } from "../jobs/replay/use_past.ts";
import { go, useQuery } from "../shell/place.ts";
import { sentence } from "../shell/words.ts";
import { BatchHead } from "./batch_head.tsx";
import { BatchParts } from "./batch_parts.tsx";
import { ErrorGroupsPanel } from "./errors/error_groups_panel.tsx";
import { CostPanel } from "./measures/cost_panel.tsx";
import { SpeedPanels } from "./measures/speed_panels.tsx";
import { SummaryPanel } from "./measures/summary_panel.tsx";
import { BatchNotice } from "./notice.tsx";

/** The shortest time between two states that are shown, in milliseconds. A change of status comes at once. */
const SHOWN_EVERY_MS = 400;

export function BatchPage({ id }: { readonly id: string }) {
  // A subscription that was refused is not tried again: another one is made when the batch appears.
  const [tries, setTries] = useState(0);
  const { job, error } = useBatch(id, { minIntervalMs: SHOWN_EVERY_MS + tries });
  const isBatch = job?.items !== undefined && job.items !== null;
  const isOther = job !== undefined && !isBatch;
  useEffect(() => {
    if (isOther) go({ name: "job", id }, {}, { replace: true });
  }, [isOther, id]);
  if (job === undefined && error?.code === "not_found") return <MissingJob id={id} onFound={() => { setTries(tries + 1); }} />;
  if (job === undefined && error !== undefined) return <Page><Empty icon="error" title="The batch cannot be watched">{sentence(error.message)}</Empty></Page>;
  if (job === undefined || !isBatch) return <Waiting id={id} />;
  return <Batch id={id} job={job} />;
}

function Batch({ id, job }: { readonly id: string; readonly job: JobDocument }) {
  const [replays, setReplays] = useState(false);
  const [past, view] = usePast(job, replays);
  const [query, setQuery] = useQuery();
  useWindowTitle(job.name ?? id);
  const choose = useCallback((code: string | undefined) => {
    setQuery({ tab: undefined, status: code === undefined ? undefined : "failed", error: code, from: undefined });
  }, [setQuery]);
  const at = replays && view?.document !== undefined ? view.at : undefined;
  const shown = at === undefined ? job : (view?.document ?? job);
  return (
    <Page>
      <BatchHead id={id} job={job} shown={shown} onReplay={replays ? undefined : () => { setReplays(true); }} />
      <div className="batch">
        {replays && <Banner tone="running" icon="clock">You see the batch as it was. Nothing here is live until you go back; items and reasons are those of now.</Banner>}
        <BatchNotice job={shown} />
        <SummaryPanel shown={shown} at={at} />
        <SpeedPanels id={id} job={job} marker={at} />
        <div className="batch__pair">
          <CostPanel id={id} job={job} shown={shown} marker={at} />
          <ErrorGroupsPanel id={id} job={job} chosen={query["error"]} onChoose={choose} />
        </div>
        <BatchParts id={id} job={job} at={at} query={query} onQuery={setQuery} />
      </div>
      {replays && <ReplayBar past={past} view={view} onLive={() => { setReplays(false); }} />}
    </Page>
  );
}

/** The shape of the page before anything is known. */
function Waiting({ id }: { readonly id: string }) {
  return (
    <Page>
      <p className="unseen" role="status">Loading the batch</p>
      <PageHead title={id} />
      <div className="batch" aria-hidden="true">
        <Panel title="Progress"><div className="batch__waiting"><Skeleton width={180} height={28} /><Skeleton width="100%" height={12} /><Skeleton width="60%" /></div></Panel>
        <div className="batch__pair">
          <Panel title="Throughput"><Skeleton width="100%" height={237} /></Panel>
          <Panel title="Duration of items"><Skeleton width="100%" height={237} /></Panel>
        </div>
      </div>
    </Page>
  );
}
