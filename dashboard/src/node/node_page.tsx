// The node: what it is busy with, who did what, what could not be delivered.

import "../jobs/job.css";
import "./node.css";
import { formatDuration } from "@headway/react";

import { Icon } from "../design/icon.tsx";
import { Page, PageHead } from "../design/page.tsx";
import { Tabs, type Tab } from "../design/tabs.tsx";
import { usePerson } from "../shell/context.ts";
import { useQuery } from "../shell/place.ts";
import { AuditLog } from "./audit_log.tsx";
import { DeadLetters } from "./dead_letters.tsx";
import { NotForYou, Overview } from "./overview.tsx";
import { useReadings, type NodeView } from "./use_readings.ts";

type TabName = "overview" | "audit" | "dead";

export function NodePage() {
  const person = usePerson();
  const view = useReadings(person.operates);
  const [query, setQuery] = useQuery();
  const tabs: readonly Tab<TabName>[] = [
    { name: "overview", label: "Overview" },
    ...(person.has("admin") ? [{ name: "audit", label: "Audit log" }, { name: "dead", label: "Dead letters" }] as const : []),
  ];
  const selected = tabs.find(({ name }) => name === query["tab"])?.name ?? "overview";
  if (tabs.length === 1 && !person.operates) return <Page><PageHead title="Node" /><NotForYou /></Page>;
  return (
    <Page>
      <PageHead title="Node"><NodeFacts view={view} /></PageHead>
      <Tabs label="Parts of the node" tabs={tabs} selected={selected} onSelect={(tab) => { setQuery({ tab: tab === "overview" ? undefined : tab }); }}>
        {selected === "overview" && (person.operates ? <Overview view={view} /> : <NotForYou />)}
        {selected === "audit" && <AuditLog />}
        {selected === "dead" && <DeadLetters />}
      </Tabs>
    </Page>
  );
}

function NodeFacts({ view: { metrics, readings, ready } }: { readonly view: NodeView }) {
  const started = metrics?.value("process_start_time_seconds");
  const now = readings.at(-1)?.at;
  const version = metrics?.families.get("headway_build_info")?.samples[0]?.labels["version"];
  return (
    <div className="node-facts">
      {ready !== undefined && <span className="node-ready" data-tone={ready ? "good" : "bad"}><Icon name={ready ? "check" : "error"} />{ready ? "Ready" : "Not ready: it takes no new work"}</span>}
      {version !== undefined && <span>version {version}</span>}
      {started !== undefined && now !== undefined && <span className="numbers">up for {formatDuration(now - started * 1000)}</span>}
    </div>
  );
}
