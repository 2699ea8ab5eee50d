// What the batch costs, against its budget and what is expected.

import { useSyncExternalStore } from "react";
import { CostMeter, formatAmount, type JobDocument } from "@headway/react";

import { TimeSeries } from "../../charts/time_series.tsx";
import { Panel } from "../../design/page.tsx";
import type { CostAt } from "../model/cost_history.ts";
import { usePast } from "../past/context.ts";

interface CostPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The document that the page shows, which may be an earlier one. */
  readonly shown: JobDocument;
  readonly marker: number | undefined;
}

export function CostPanel({ job, shown, marker }: CostPanelProps) {
  const past = usePast();
  const moments = useSyncExternalStore(past.subscribe, past.costs);
  const { cost } = job;
  if (cost === undefined || cost === null) {
    return (
      <Panel title="Cost">
        <p className="measures__none">Nothing is known of what this batch costs. Costs come from usage that workers report and a file of prices, or from amounts that they report themselves.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Cost">
      <div className="measures">
        <CostPlot moments={moments} cost={cost} job={job} marker={marker} />
        {shown.cost !== undefined && shown.cost !== null && <CostMeter cost={shown.cost} />}
      </div>
    </Panel>
  );
}

function CostPlot({ moments, cost, job, marker }: { readonly moments: readonly CostAt[]; readonly cost: NonNullable<JobDocument["cost"]>; readonly job: JobDocument; readonly marker: number | undefined }) {
  const say = (amount: number): string => formatAmount(amount, cost.currency);
  const { budget, soft_budget: soft, spent, forecast, forecast_low: low, forecast_high: high } = cost;
  const times = moments.map(({ at }) => at);
  const from = times[0] ?? Date.parse(job.started_at ?? job.created_at);
  const to = Math.max(times.at(-1) ?? from, Date.parse(job.finished_at ?? job.updated_at), from + 1_000);
  const expected = forecast === undefined || forecast === null ? "" : ` At the end ${say(Number(low ?? forecast))} to ${say(Number(high ?? forecast))} are expected.`;
  return (
    <TimeSeries
      title="Spent and expected" times={times} span={[from, to]} marker={marker}
      summary={`${say(Number(spent))} are spent.${expected}${budget === undefined || budget === null ? "" : ` The budget is ${say(Number(budget))}.`}`}
      lines={[
        { label: "Spent", tone: "running", draw: "area", values: moments.map((moment) => moment.spent) },
        { label: "Expected at the end", tone: "second", draw: "dashes", values: moments.map((moment) => moment.forecast) },
      ]}
      bands={[{ label: "Range", tone: "second", low: moments.map((moment) => moment.low), high: moments.map((moment) => moment.high) }]}
      rules={[
        ...(budget === undefined || budget === null ? [] : [{ label: "Budget", tone: "bad" as const, value: Number(budget) }]),
        ...(soft === undefined || soft === null ? [] : [{ label: "Warning", tone: "warn" as const, value: Number(soft) }]),
      ]}
      curve="steps" say={say} sayAxis={say} empty="Nothing was spent yet."
    />
  );
}
