// One batch, live: how far it is, how fast it goes, what it costs, why items fail, and the items.

import "./batches.css";
import "@headway/react/styles.css";
import { useCallback, useState } from "react";
import { useBatch, type JobDocument } from "@headway/react";

import { LinkButton } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Page, PageHead, Panel, useWindowTitle } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { useQuery } from "../shell/place.ts";
import { hrefTo } from "../shell/route.ts";
import { sentence } from "../shell/words.ts";
import { BatchHead } from "./batch_head.tsx";
import { ErrorGroupsPanel } from "./errors/error_groups_panel.tsx";
import { ItemsPanel } from "./items/items_panel.tsx";
import { PastContext, useNewPast } from "./past/context.ts";
import { CostPanel } from "./measures/cost_panel.tsx";
import { SpeedPanel } from "./measures/speed_panel.tsx";
import { SummaryPanel } from "./measures/summary_panel.tsx";

export function BatchPage({ id }: { readonly id: string }) {
  const { job, error } = useBatch(id);
  if (job !== undefined) return <Batch id={id} job={job} />;
  if (error === undefined) return <Waiting id={id} />;
  return <Refused id={id} notFound={error.code === "not_found"} message={error.message} />;
}

function Batch({ id, job }: { readonly id: string; readonly job: JobDocument }) {
  const [at, setAt] = useState<number | undefined>(undefined);
  const [past, setPast] = useState<JobDocument | undefined>(undefined);
  const [query, setQuery] = useQuery();
  useWindowTitle(job.name ?? id);
  const look = useCallback((moment: number | undefined, document: JobDocument | undefined) => {
    setAt(moment);
    setPast(document);
  }, []);
  const choose = useCallback((code: string | undefined) => {
    setQuery({ status: code === undefined ? undefined : "failed", error: code });
  }, [setQuery]);
  const history = useNewPast(id, job);
  const shown = at === undefined ? job : (past ?? job);
  if (job.items === undefined || job.items === null) return <NoBatch id={id} job={job} />;
  return (
    <PastContext value={history}>
      <Page>
        <BatchHead id={id} job={job} />
        <div className="batch">
        <SummaryPanel id={id} job={job} shown={shown} at={at} onLook={look} />
        <div className="batch__pair">
          <SpeedPanel id={id} job={job} marker={at} />
          <CostPanel id={id} job={job} shown={shown} marker={at} />
        </div>
        <ErrorGroupsPanel id={id} job={job} chosen={query["error"]} onChoose={choose} />
        <ItemsPanel id={id} job={job} query={query} onQuery={setQuery} />
        </div>
      </Page>
    </PastContext>
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
          <Panel title="Throughput"><Skeleton width="100%" height={232} /></Panel>
          <Panel title="Cost"><Skeleton width="100%" height={232} /></Panel>
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
