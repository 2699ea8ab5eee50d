// One batch, live: how far it is, how fast it goes, what it costs, why items fail, and the items.

import "./batches.css";
import "@headway/react/styles.css";
import { useCallback, useState } from "react";
import { useBatch, type JobDocument } from "@headway/react";

import { LinkButton } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Page, PageHead, Panel, useWindowTitle } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { ReplayBar } from "../jobs/replay/replay_bar.tsx";
import { usePast } from "../jobs/replay/use_past.ts";
import { useQuery } from "../shell/place.ts";
import { hrefTo } from "../shell/route.ts";
import { sentence } from "../shell/words.ts";
import { BatchHead } from "./batch_head.tsx";
import { ErrorGroupsPanel } from "./errors/error_groups_panel.tsx";
import { ItemsPanel } from "./items/items_panel.tsx";
import { CostPanel } from "./measures/cost_panel.tsx";
import { SpeedPanels } from "./measures/speed_panel.tsx";
import { SummaryPanel } from "./measures/summary_panel.tsx";
import { BatchNotice } from "./notice.tsx";

export function BatchPage({ id }: { readonly id: string }) {
  const { job, error } = useBatch(id);
  if (job !== undefined) return <Batch id={id} job={job} />;
  if (error === undefined) return <Waiting id={id} />;
  return <Refused id={id} notFound={error.code === "not_found"} message={error.message} />;
}

function Batch({ id, job }: { readonly id: string; readonly job: JobDocument }) {
  const [replays, setReplays] = useState(false);
  const [past, view] = usePast(job, replays);
  const [query, setQuery] = useQuery();
  useWindowTitle(job.name ?? id);
  const choose = useCallback((code: string | undefined) => {
    setQuery({ status: code === undefined ? undefined : "failed", error: code, from: undefined });
  }, [setQuery]);
  if (job.items === undefined || job.items === null) return <NoBatch id={id} job={job} />;
  const at = replays && view?.document !== undefined ? view.at : undefined;
  const shown = at === undefined ? job : (view?.document ?? job);
  const hasFailed = job.items.failed > 0;
  return (
    <Page>
      <BatchHead id={id} job={job} onReplay={replays ? undefined : () => { setReplays(true); }} />
      <div className="batch">
        <BatchNotice job={shown} />
        <SummaryPanel shown={shown} at={at} />
        <SpeedPanels id={id} job={job} marker={at} />
        <div className={hasFailed ? "batch__pair" : undefined}>
          <CostPanel id={id} job={job} shown={shown} marker={at} />
          {hasFailed && <ErrorGroupsPanel id={id} job={job} chosen={query["error"]} onChoose={choose} />}
        </div>
        <ItemsPanel id={id} job={job} query={query} onQuery={setQuery} isNow={at !== undefined} />
      </div>
      {replays && <ReplayBar past={past} view={view} onLive={() => { setReplays(false); }} />}
    </Page>
  );
}

/** A job that is no batch has a page of its own. */
function NoBatch({ id, job }: { readonly id: string; readonly job: JobDocument }) {
  return (
    <Empty icon="layers" title="This is not a batch" more={<LinkButton href={hrefTo({ name: "job", id })}>Show the job</LinkButton>}>
      {job.name ?? id} is a job without items.
    </Empty>
  );
}

function Waiting({ id }: { readonly id: string }) {
  return (
    <Page>
      <p className="unseen" role="status">Loading the batch</p>
      <PageHead title={id} />
      <div className="batch" aria-hidden="true">
        <Panel title="Progress"><div className="batch__waiting"><Skeleton width={180} height={28} /><Skeleton width="100%" height={12} /><Skeleton width="60%" /></div></Panel>
        <div className="batch__pair">
          <Panel title="Throughput"><Skeleton width="100%" height={228} /></Panel>
          <Panel title="Duration of items"><Skeleton width="100%" height={228} /></Panel>
        </div>
      </div>
    </Page>
  );
}

function Refused({ id, notFound, message }: { readonly id: string; readonly notFound: boolean; readonly message: string }) {
  useWindowTitle(id);
  return (
    <Empty icon={notFound ? "search" : "error"} title={notFound ? "No such batch" : "This batch cannot be shown"} more={<LinkButton href={hrefTo({ name: "jobs" })}>All jobs</LinkButton>}>
      {notFound ? <>There is no batch <code>{id}</code>, or it is not for your sign-in. Finished batches are forgotten after a time.</> : sentence(message)}
    </Empty>
  );
}
