// What the node is busy with, and how fast it is.

import { formatCount, formatDuration } from "@headway/react";
import type { Metrics } from "@headway/client";

import { Banner } from "../design/banner.tsx";
import { Empty } from "../design/empty.tsx";
import { Panel } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { Table, type Column } from "../design/table.tsx";
import { counted } from "../shell/words.ts";
import { Figure } from "./figure.tsx";
import { byTransport, limitsHit, type Latency, type LatencyName, type Reading } from "./readings.ts";
import type { NodeView } from "./use_readings.ts";

const TRANSPORTS: Readonly<Record<string, string>> = { websocket: "WebSocket", sse: "Server-Sent Events", events: "Server-Sent Events", poll: "polling", session: "session" };

export function Overview({ view }: { readonly view: NodeView }) {
  const { readings, metrics, error } = view;
  const now = readings.at(-1);
  if (now === undefined || metrics === undefined) {
    return error === undefined ? <OverviewSkeleton /> : <Banner tone="bad" title="The node's counters could not be read">{error} It is tried again.</Banner>;
  }
  const column = (take: (reading: Reading) => number | undefined): readonly (number | undefined)[] => readings.map(take);
  const transports = byTransport(metrics).filter(({ connections }) => connections > 0).map(({ transport, connections }) => `${formatCount(connections)} ${TRANSPORTS[transport] ?? transport}`);
  return (
    <>
      {error !== undefined && <div className="job-notes"><Banner tone="warn" title="What you see is the last that was read">{error}</Banner></div>}
      <div className="figures">
        <Figure label="Connections" value={count(now.connections)} values={column((reading) => reading.connections)}>{transports.length === 0 ? "nobody watches" : transports.join(", ")}</Figure>
        <Figure label="Subscriptions" value={count(now.subscriptions)} values={column((reading) => reading.subscriptions)}>{said(metrics.value("headway_topics"), "job in memory", "jobs in memory")}</Figure>
        <Figure label="Events" value={rate(now.reports)} unit="/s" values={column((reading) => reading.reports)}>{`${count(metrics.value("headway_events"))} in all`}</Figure>
        <Figure label="Frames delivered" value={rate(now.deliveries)} unit="/s" values={column((reading) => reading.deliveries)}>{`${count(metrics.value("headway_conflated"))} joined or skipped`}</Figure>
        <Figure label="Requests" value={rate(now.requests)} unit="/s" values={column((reading) => reading.requests)}>{`${count(metrics.value("headway_http_requests"))} in all`}</Figure>
        <Figure label="Memory" {...inUnit(bytes(now.memory))} values={column((reading) => reading.memory)}>{said(metrics.value("process_open_fds"), "open file")}</Figure>
        <Figure label="Processor" value={now.processor === undefined ? "–" : formatCount(Math.round(now.processor * 100))} unit="%" max={Math.max(1, ...readings.map(({ processor }) => processor ?? 0))} values={column((reading) => reading.processor)}>of one core</Figure>
        <Figure label="Jobs that it runs" value={count(now.running)} values={column((reading) => reading.running)}>{now.waiting === 1 ? "1 waits for a place" : `${count(now.waiting)} wait for a place`}</Figure>
      </div>
      <div className="node-columns">
        <Latencies reading={now} metrics={metrics} />
        <Limits metrics={metrics} />
        <Webhooks metrics={metrics} />
      </div>
    </>
  );
}

interface LatencyRow extends Latency {
  readonly name: LatencyName;
  readonly what: string;
  readonly whole: number | undefined;
}

function Latencies({ reading, metrics }: { readonly reading: Reading; readonly metrics: Metrics }) {
  const rows: readonly LatencyRow[] = [
    { name: "requests", what: "Requests", ...reading.latencies.requests, whole: metrics.quantile("headway_http_request_seconds", 0.99) },
    { name: "appends", what: "Reports stored", ...reading.latencies.appends, whole: metrics.quantile("headway_append_seconds", 0.99) },
    { name: "deliveries", what: "States delivered", ...reading.latencies.deliveries, whole: metrics.quantile("headway_delivery_seconds", 0.99) },
  ];
  const columns: readonly Column<LatencyRow>[] = [
    { title: "What", cell: ({ what }) => what },
    { title: "p50", align: "end", cell: ({ half }) => seconds(half) },
    { title: "p99", align: "end", cell: ({ most }) => seconds(most) },
    { title: "p99 in all", align: "end", cell: ({ whole }) => seconds(whole) },
  ];
  return <Panel title="Latency, last 2 s" flush><Table caption="Latency" columns={columns} rows={rows} rowKey={({ name }) => name} /></Panel>;
}

function Limits({ metrics }: { readonly metrics: Metrics }) {
  const hit = limitsHit(metrics);
  const columns: readonly Column<(typeof hit)[number]>[] = [
    { title: "Limit", cell: ({ limit }) => limit.replaceAll("_", " ") },
    { title: "Times", align: "end", cell: ({ times }) => formatCount(times) },
  ];
  return (
    <Panel title="Limits that refused something" flush={hit.length > 0}>
      {hit.length === 0 ? <p className="muted">None, since the node was started.</p> : <Table caption="Limits" columns={columns} rows={hit} rowKey={({ limit }) => limit} />}
    </Panel>
  );
}

function Webhooks({ metrics }: { readonly metrics: Metrics }) {
  const oldest = metrics.value("headway_webhook_oldest_seconds") ?? 0;
  const rows = [
    { what: "Webhooks that wait for delivery", value: count(metrics.value("headway_webhook_queue")) },
    { what: "Being sent now", value: count(metrics.value("headway_webhook_attempts_running")) },
    { what: "Oldest that waits", value: oldest === 0 ? "–" : formatDuration(oldest * 1000) },
    { what: "Servers that do not answer", value: count(metrics.value("headway_outgoing_circuits_open")) },
    { what: "Attempts of items running", value: count(metrics.value("headway_attempts_running")) },
  ];
  return (
    <Panel title="Outgoing work" flush>
      <Table caption="Outgoing work, in numbers" columns={[{ title: "What", cell: ({ what }) => what }, { title: "Now", align: "end", cell: ({ value }) => value }]} rows={rows} rowKey={({ what }) => what} />
    </Panel>
  );
}

function OverviewSkeleton() {
  return (
    <div className="figures" role="status" aria-label="Reading the node's counters">
      {Array.from({ length: 8 }, (_, place) => (
        <div className="figure" key={place}><span><Skeleton width={90} /></span><span><Skeleton width={64} height={24} /></span><span /><span><Skeleton width={120} height={12} /></span></div>
      ))}
    </div>
  );
}

/** Why there is nothing to see for whoever does not look after the node. */
export function NotForYou() {
  return (
    <Empty icon="key" title="The node is for its administrators">
      Counters, the audit log and dead letters are shown to administrators of the tenant <code>default</code>. Your sign-in has another role.
    </Empty>
  );
}

function count(value: number | undefined): string {
  return value === undefined ? "–" : formatCount(value);
}

/** A number of things, as far as it is known. */
function said(value: number | undefined, one: string, many?: string): string {
  return value === undefined ? "" : counted(value, one, many);
}

/** The unit stands small behind its number, as everywhere. */
function inUnit(text: string): { readonly value: string; readonly unit?: string } {
  const [value = "–", unit] = text.split(" ");
  return unit === undefined ? { value } : { value, unit };
}

function rate(value: number | undefined): string {
  return value === undefined ? "–" : formatCount(value >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
}

/** Bytes in the unit that people use for them. */
export function bytes(value: number | undefined): string {
  if (value === undefined) return "–";
  if (value < 1024 * 1024) return `${formatCount(Math.round(value / 1024))} KiB`;
  if (value < 1024 ** 3) return `${formatCount(Math.round(value / 1024 / 1024))} MiB`;
  return `${formatCount(Math.round((value / 1024 ** 3) * 10) / 10)} GiB`;
}

function seconds(value: number | undefined): string {
  if (value === undefined) return "–";
  const milliseconds = value * 1000;
  if (milliseconds < 10) return `${formatCount(Math.round(milliseconds * 100) / 100)}ms`;
  return milliseconds < 1000 ? `${formatCount(Math.round(milliseconds))}ms` : formatDuration(milliseconds);
}
