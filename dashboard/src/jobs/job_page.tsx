// One job: as it is now, or as it was at a moment of its past.

import "./job.css";
import "./jobs.css";
import { useEffect, useMemo, useState } from "react";
import type { JobDocument } from "@headway/client";
import { AgentTimeline, formatCount, StatusBadge, useJob } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { CopyButton } from "../design/copy_button.tsx";
import { Empty } from "../design/empty.tsx";
import { Icon } from "../design/icon.tsx";
import { Page, useWindowTitle } from "../design/page.tsx";
import { Tabs, type Tab } from "../design/tabs.tsx";
import { Ago } from "../design/time.tsx";
import { usePerson } from "../shell/context.ts";
import { go, useQuery } from "../shell/place.ts";
import { hrefTo } from "../shell/route.ts";
import { ShareDialog } from "../shell/share_dialog.tsx";
import { sentence } from "../shell/words.ts";
import { EventsPanel } from "./page/events_panel.tsx";
import { olderOf, type History, type HistoryView } from "./page/history.ts";
import { HistoryNote } from "./page/history_note.tsx";
import { ActionButtons, AskedNote, useAsking } from "./page/job_actions.tsx";
import { JobMeter } from "./page/job_meter.tsx";
import { JobSide } from "./page/job_side.tsx";
import { LoadingJob } from "./page/loading_job.tsx";
import { LogPanel } from "./page/log_panel.tsx";
import { MissingJob } from "./page/missing_job.tsx";
import { latestPartials } from "./page/partials.ts";
import { ResultsPanel } from "./page/results_panel.tsx";
import { countUntil, timesOf } from "./page/until.ts";
import { useHistory } from "./page/use_history.ts";
import { ReplayBar } from "./replay/replay_bar.tsx";
import { usePast } from "./replay/use_past.ts";

type TabName = "steps" | "log" | "results" | "events";

export function JobPage({ id }: { readonly id: string }) {
  // A subscription that was refused is not tried again: another one is made when the job appears.
  const [tries, setTries] = useState(0);
  const { job, error } = useJob(id, { minIntervalMs: 100 + tries });
  const isBatch = job?.items !== undefined && job.items !== null;
  useEffect(() => {
    if (isBatch) go({ name: "batch", id }, {}, { replace: true });
  }, [isBatch, id]);
  if (job === undefined && error?.code === "not_found") return <MissingJob id={id} onFound={() => { setTries(tries + 1); }} />;
  if (job === undefined && error !== undefined) return <Page><Empty icon="error" title="The job cannot be watched" whole>{sentence(error.message)}</Empty></Page>;
  if (job === undefined || isBatch) return <LoadingJob />;
  return <Shown live={job} />;
}

function Shown({ live }: { readonly live: JobDocument }) {
  const person = usePerson();
  const [query, setQuery] = useQuery();
  const [shares, setShares] = useState(false);
  const [replays, setReplays] = useState(false);
  const [past, pastView] = usePast(live, replays);
  const asking = useAsking(live);
  const wasDocument = replays ? pastView?.document : undefined;
  const job = wasDocument ?? live;
  const at = wasDocument === undefined ? undefined : pastView?.at;
  const [history, view] = useHistory(live.id, at);
  const times = useMemo(() => timesOf(view.events), [view.events]);
  const happened = at === undefined ? view.events.length : countUntil(times, at);
  const events = useMemo(() => (happened === view.events.length ? view.events : view.events.slice(0, happened)), [view.events, happened]);
  useWindowTitle(live.name ?? live.id);
  const requestedAt = useMemo(() => {
    const asked = view.events.findLast((event) => event.type === "requested");
    return typeof asked?.at === "string" ? asked.at : undefined;
  }, [view.events]);
  return (
    <Page>
      <header className="job-head">
        <div className="job-head__text">
          {person.onlyJob === undefined && <a className="job-head__back" href={hrefTo({ name: "jobs" })}><Icon name="left" size={14} />Jobs</a>}
          <h1><bdi>{job.name ?? job.id}</bdi></h1>
          <div className="job-head__facts">
            <StatusBadge status={job.status} stalled={job.stalled === true} />
            <span className="job-head__id"><code className="one-line">{job.id}</code><CopyButton what="the job's id" text={job.id} /></span>
            <span>{job.kind}</span>
            {job.attempt > 1 && <span>attempt {job.attempt}</span>}
            <span>created <Ago at={job.created_at} /></span>
          </div>
        </div>
        <div className="job-head__actions">
          {!replays && <ActionButtons job={live} asking={asking} />}
          {!replays && <Button icon="clock" data-name="replay" heir=".replay" onClick={() => { setReplays(true); }}>Replay</Button>}
          {(person.sharesTokens || !person.identity.sign_in) && <Button icon="share" onClick={() => { setShares(true); }}>Share</Button>}
        </div>
      </header>
      <div className="job-notes">
        {replays
          ? <Banner tone="running" icon="clock">You see the job as it was. Nothing here is live until you go back.</Banner>
          : <AskedNote job={live} asking={asking} requestedAt={requestedAt} />}
        {job.stalled === true && <Banner tone="warn" title="Its worker is silent">Nothing was heard of it for longer than it promised. It may have died, or hang; the job goes on when it reports again.</Banner>}
        {job.error !== undefined && job.error !== null && (
          <Banner tone={job.status === "failed" ? "bad" : "warn"} title={sentence(job.error.message)}><code>{job.error.code}</code>{job.error.retryable === true ? " · trying again may help" : ""}</Banner>
        )}
      </div>
      <JobMeter job={job} at={at} />
      <div className="job-columns">
        <div className="job-main"><Parts job={job} at={at} events={events} history={history} view={view} tab={query["tab"]} onTab={(tab) => { setQuery({ tab }); }} /></div>
        <JobSide job={job} />
      </div>
      {replays && <ReplayBar past={past} view={pastView} onLive={() => { setReplays(false); }} />}
      {shares && <ShareDialog job={live.id} onClose={() => { setShares(false); }} />}
    </Page>
  );
}

interface PartsProps {
  readonly job: JobDocument;
  readonly at: number | undefined;
  readonly events: HistoryView["events"];
  readonly history: History;
  readonly view: HistoryView;
  readonly tab: string | undefined;
  readonly onTab: (tab: TabName) => void;
}

function Parts({ job, at, events, history, view, tab, onTab }: PartsProps) {
  const steps = Object.keys(job.steps ?? {}).length;
  const logged = useMemo(() => events.filter(({ type }) => type === "log").length, [events]);
  const results = useMemo(() => latestPartials(events).length, [events]) + (job.result === undefined || job.result === null ? 0 : 1);
  const count = (number: number): string | undefined => (number === 0 ? undefined : formatCount(number, { short: true }));
  // Of a long history the newest are read: there are more than those.
  const countRead = (number: number): string | undefined => (number === 0 || view.complete || !view.begun ? count(number) : `${formatCount(number, { short: true })}+`);
  const tabs: readonly Tab<TabName>[] = [
    ...(steps > 0 ? [{ name: "steps", label: "Steps", count: count(steps) } as const] : []),
    { name: "log", label: "Log", count: countRead(logged) },
    { name: "results", label: "Results", count: countRead(results) },
    { name: "events", label: "Events", count: countRead(events.length) },
  ];
  const selected = tabs.find(({ name }) => name === tab)?.name ?? (steps > 0 ? "steps" : logged > 0 || results === 0 ? "log" : "results");
  return (
    <Tabs label="Parts of the job" tabs={tabs} selected={selected} onSelect={onTab}>
      {selected === "steps" && <AgentTimeline steps={job.steps ?? {}} now={at} />}
      {selected !== "steps" && <HistoryNote history={history} view={view} />}
      {selected === "log" && <LogPanel events={events} />}
      {selected === "results" && <ResultsPanel job={job} events={events} isWhole={view.complete && !view.beginsLate} />}
      {selected === "events" && <EventsPanel job={job.id} events={events} older={olderOf(history, view)} />}
    </Tabs>
  );
}
