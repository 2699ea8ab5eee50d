// What a batch consists of: its items, its log, its events, and what does not move.

import { useMemo } from "react";
import { formatCount, type JobDocument } from "@headway/react";

import { Tabs, type Tab } from "../design/tabs.tsx";
import { EventsPanel } from "../jobs/page/events_panel.tsx";
import { HistoryNote } from "../jobs/page/history_note.tsx";
import { JobSide } from "../jobs/page/job_side.tsx";
import { LogPanel } from "../jobs/page/log_panel.tsx";
import { useHistory } from "../jobs/page/use_history.ts";
import type { Query } from "../shell/route.ts";
import { ItemsPanel } from "./items/items_panel.tsx";

type Part = "items" | "log" | "events" | "details";

interface BatchPartsProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The moment that the page shows; items are those of now. */
  readonly at: number | undefined;
  readonly query: Query;
  readonly onQuery: (change: Readonly<Record<string, string | undefined>>) => void;
}

export function BatchParts({ id, job, at, query, onQuery }: BatchPartsProps) {
  const [history, view] = useHistory(id);
  const events = useMemo(
    () => (at === undefined ? view.events : view.events.filter((event) => typeof event.at !== "string" || Date.parse(event.at) <= at)),
    [view.events, at],
  );
  const logged = useMemo(() => events.filter(({ type }) => type === "log").length, [events]);
  const count = (number: number): string | undefined => (number === 0 ? undefined : formatCount(number, { short: true }));
  const tabs: readonly Tab<Part>[] = [
    { name: "items", label: "Items", count: count(job.items?.total ?? 0) },
    { name: "log", label: "Log", count: count(logged) },
    { name: "events", label: "Events", count: count(events.length) },
    { name: "details", label: "Details" },
  ];
  const selected = tabs.find(({ name }) => name === query["tab"])?.name ?? "items";
  return (
    <Tabs label="Parts of the batch" tabs={tabs} selected={selected} onSelect={(tab) => { onQuery({ tab: tab === "items" ? undefined : tab }); }}>
      {selected === "items" && <ItemsPanel id={id} job={job} query={query} onQuery={onQuery} />}
      {(selected === "log" || selected === "events") && <HistoryNote history={history} view={view} />}
      {selected === "log" && <LogPanel events={events} />}
      {selected === "events" && <EventsPanel job={id} events={events} />}
      {selected === "details" && <JobSide job={job} />}
    </Tabs>
  );
}
