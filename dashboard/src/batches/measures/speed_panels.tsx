// How many items end when, and how long they take.

import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { Timings } from "@headway/client";
import { formatCount, formatDuration, isTerminal, useHeadway, type JobDocument } from "@headway/react";

import { StackedBars } from "../../charts/stacked_bars.tsx";
import { TimeSeries } from "../../charts/time_series.tsx";
import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Panel } from "../../design/page.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { reasonOf } from "../../shell/words.ts";
import { rates, rateUnit, settled, SettledLog, since, throughput } from "../model/throughput.ts";
import { useFeed } from "../use_feed.ts";

/** The shortest time between two questions, in milliseconds. In between, what the watch sees is drawn. */
const EVERY_MS = 3_000;
const POINTS = 60;

interface SpeedPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly marker: number | undefined;
}

export function SpeedPanels({ id, job, marker }: SpeedPanelProps) {
  const headway = useHeadway();
  const load = useCallback((signal: AbortSignal) => headway.batches.timings(id, { points: POINTS }, { signal }), [headway, id]);
  const { items } = job;
  const { value, error, again } = useFeed(load, EVERY_MS, `${job.attempt} ${job.status} ${endedOf(job)}`);
  const [log] = useState(() => new SettledLog());
  useEffect(() => {
    if (items !== undefined && items !== null) log.add(settled(Date.parse(job.updated_at), items));
  }, [log, items, job.updated_at]);
  const seen = useSyncExternalStore(log.subscribe, log.getSnapshot);
  const sample = value !== undefined && value.read < value.finished ? <span className="faint numbers">{`from a sample of ${formatCount(value.read)} items`}</span> : undefined;
  if (value === undefined) {
    return (
      <div className="batch__pair">
        {["Throughput", "Duration of items"].map((title) => (
          <Panel key={title} title={title}>
            {error === undefined ? <Skeleton width="100%" height={237} /> : <Banner tone="bad" actions={<Button size="small" onClick={again}>Try again</Button>}>{reasonOf(error)}</Banner>}
          </Panel>
        ))}
      </div>
    );
  }
  return (
    <div className="batch__pair">
      <Panel title="Throughput" actions={sample}><Throughput timings={value} seen={seen} job={job} marker={marker} /></Panel>
      <Panel title="Duration of items" actions={sample}><Latency timings={value} job={job} marker={marker} /></Panel>
    </div>
  );
}

interface PlotsProps extends Omit<SpeedPanelProps, "id"> {
  readonly timings: Timings;
}

function Throughput({ timings, seen, job, marker }: PlotsProps & { readonly seen: ReturnType<SettledLog["getSnapshot"]> }) {
  const bars = useMemo(() => throughput(timings, since(seen, timings.finished)), [timings, seen]);
  const until = endOf(job, timings);
  const unit = rateUnit(bars);
  const { starts, succeeded, failed } = rates(bars, unit, isTerminal(job.status) ? Number.POSITIVE_INFINITY : until);
  const say = (rate: number): string => `${digits(rate)}/${unit.label}`;
  // Of a job that runs, what it has taken so far.
  const took = Math.max(1, until - Date.parse(job.started_at ?? job.created_at));
  const mean = (timings.finished * unit.ms) / took;
  // The run fills neither its first step nor its last one: their rates may all lie below that of the whole.
  const most = succeeded.reduce((top, rate, place) => Math.max(top, rate + (failed[place] ?? 0)), mean);
  return (
    <div>
      <StackedBars
        title="Throughput" titleUnseen times={starts} step={bars.stepMs} span={spanOf(starts, bars.stepMs, job, until)} marker={marker}
        summary={`Items that ended, in steps of ${formatDuration(bars.stepMs)}. At most ${say(most)}.`}
        stacks={[{ label: "Succeeded", tone: "good", values: succeeded }, { label: "Failed", tone: "bad", values: failed }]}
        say={say} sayAxis={(rate) => `${formatCount(rate)}/${unit.label}`} empty={nothing(job)}
      />
      <Spread of={[["All: mean", timings.finished === 0 ? undefined : say(mean)], ["most", most === 0 ? undefined : say(most)]]} />
    </div>
  );
}

function Latency({ timings, job, marker }: PlotsProps) {
  const { points, step_ms: step, duration } = timings;
  const times = points.map(({ at }) => Date.parse(at) + step / 2);
  const values = (of: (point: (typeof points)[number]) => number | null | undefined): readonly (number | undefined)[] => points.map((point) => of(point) ?? undefined);
  const say = (ms: number): string => formatDuration(ms);
  return (
    <div>
      <TimeSeries
        title="Duration of items" titleUnseen times={times} span={spanOf(points.map(({ at }) => Date.parse(at)), step, job, endOf(job, timings))} marker={marker}
        summary={duration === undefined || duration === null ? "How long items took." : `Half of all items took at most ${say(duration.p50_ms)}, 9 of 10 at most ${say(duration.p90_ms)}.`}
        lines={[
          { label: "p50", tone: "running", draw: "area", values: values(({ p50_ms: half }) => half) },
          { label: "p95", tone: "second", draw: "line", values: values(({ p95_ms: most }) => most) },
        ]}
        curve="smooth" say={say} sayAxis={say} empty={nothing(job)}
      />
      <Spread of={([["All: p50", duration?.p50_ms], ["p90", duration?.p90_ms], ["p99", duration?.p99_ms], ["longest", duration?.max_ms]] as const).map(([name, ms]) => [name, ms === undefined ? undefined : say(ms)])} />
    </div>
  );
}

/** How many items have ended. */
function endedOf({ items }: JobDocument): number {
  return (items?.succeeded ?? 0) + (items?.failed ?? 0) + (items?.skipped ?? 0);
}

/** Why nothing is drawn: what the watch tells of comes before what is asked for. */
function nothing(job: JobDocument): string {
  return endedOf(job) === 0 ? "No item has ended yet." : "The items that have ended are being read.";
}

/** What is so over the whole time. */
function Spread({ of }: { readonly of: readonly (readonly [string, string | undefined])[] }) {
  return (
    <dl className="spread">
      {of.map(([name, value]) => <div key={name}><dt>{name}</dt><dd className="numbers">{value ?? "–"}</dd></div>)}
    </dl>
  );
}

/** Where the time axis ends: with the batch, or now. */
function endOf(job: JobDocument, { points, step_ms: step }: Pick<Timings, "points" | "step_ms">): number {
  const last = points.at(-1);
  return Math.max(Date.parse(job.finished_at ?? job.updated_at), last === undefined ? 0 : Date.parse(last.at) + step / 2);
}

function spanOf(starts: readonly number[], step: number, job: JobDocument, until: number): readonly [number, number] {
  const first = starts[0] ?? Date.parse(job.started_at ?? job.created_at);
  return [first, Math.max((starts.at(-1) ?? first) + step, until)];
}

/** As many digits as a rate can bear, and always the same. */
function digits(rate: number): string {
  return rate >= 100 || rate === 0 ? formatCount(Math.round(rate)) : rate.toFixed(1);
}
