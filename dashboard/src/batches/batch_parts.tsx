// What a batch consists of: its items, its log, its events, and what does not move.

import { useMemo } from "react";
import { formatCount, type JobDocument } from "@headway/react";

import { Tabs, type Tab } from "../design/tabs.tsx";
import { EventsPanel } from "../jobs/page/events_panel.tsx";
import { olderOf } from "../jobs/page/history.ts";
import { HistoryNote } from "../jobs/page/history_note.tsx";
import { JobSide } from "../jobs/page/job_side.tsx";
import { LogPanel } from "../jobs/page/log_panel.tsx";
import { useHistory } from "../jobs/page/use_history.ts";
import type { Query } from "../shell/route.ts";
import { ItemsPanel } from "./items/items_panel.tsx";

const PARTS = ["items", "log", "events", "details"] as const;
type Part = (typeof PARTS)[number];

interface BatchPartsProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The moment that the page shows; items are those of now. */
  readonly at: number | undefined;
  readonly query: Query;
  readonly onQuery: (change: Readonly<Record<string, string | undefined>>) => void;
}

export function BatchParts({ id, job, at, query, onQuery }: BatchPartsProps) {
  const selected = PARTS.find((part) => part === query["tab"]) ?? "items";
  const total = job.items?.total ?? 0;
  const tabs: readonly Tab<Part>[] = [
    { name: "items", label: "Items", count: total === 0 ? undefined : formatCount(total, { short: true }) },
    { name: "log", label: "Log" },
    { name: "events", label: "Events" },
    { name: "details", label: "Details" },
  ];
  return (
    <Tabs label="Parts of the batch" tabs={tabs} selected={selected} onSelect={(tab) => { onQuery({ tab: tab === "items" ? undefined : tab }); }}>
      {selected === "items" && <ItemsPanel id={id} job={job} query={query} onQuery={onQuery} />}
      {(selected === "log" || selected === "events") && <HistoryPart id={id} at={at} part={selected} />}
      {selected === "details" && <JobSide job={job} />}
    </Tabs>
  );
}

/** A history is read when somebody wants to see it. */
function HistoryPart({ id, at, part }: { readonly id: string; readonly at: number | undefined; readonly part: "log" | "events" }) {
  const [history, view] = useHistory(id, at);
  const events = useMemo(
    () => (at === undefined ? view.events : view.events.filter((event) => typeof event.at !== "string" || Date.parse(event.at) <= at)),
    [view.events, at],
  );
  return (
    <>
      <HistoryNote history={history} view={view} />
      {part === "log" ? <LogPanel events={events} /> : <EventsPanel job={id} events={events} older={olderOf(history, view)} />}
    </>
  );
}
