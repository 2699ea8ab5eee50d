// What the batch costs, against its budget and what is expected.

import { CostMeter, formatAmount, type JobDocument } from "@headway/react";

import { TimeSeries } from "../../charts/time_series.tsx";
import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Panel } from "../../design/page.tsx";
import { reasonOf } from "../../shell/words.ts";
import { ceiling, type CostAt } from "../model/cost_history.ts";
import { useCostPast } from "./use_cost_past.ts";

type CostDocument = NonNullable<JobDocument["cost"]>;

interface CostPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The document that the page shows, which may be an earlier one. */
  readonly shown: JobDocument;
  readonly marker: number | undefined;
}

export function CostPanel({ id, job, shown, marker }: CostPanelProps) {
  const { moments, error, cut, again } = useCostPast(id, job);
  const { cost } = job;
  if (cost === undefined || cost === null) {
    return (
      <Panel title="Cost over time">
        <p className="measures__none">Nothing is known of what this batch costs. Costs come from usage that workers report and a file of prices, or from amounts that they report themselves.</p>
      </Panel>
    );
  }
  return (
    <Panel title="Cost over time" actions={cut ? <span className="faint">the log is longer than what is read here</span> : undefined}>
      <div className="measures measures--cost">
        {error !== undefined && <Banner tone="warn" actions={<Button size="small" onClick={again}>Try again</Button>}>{`The past is not shown. ${reasonOf(error)}`}</Banner>}
        <CostPlot moments={moments} cost={cost} job={job} marker={marker} />
        {shown.cost !== undefined && shown.cost !== null && <CostMeter cost={shown.cost} />}
      </div>
    </Panel>
  );
}

function CostPlot({ moments, cost, job, marker }: { readonly moments: readonly CostAt[]; readonly cost: CostDocument; readonly job: JobDocument; readonly marker: number | undefined }) {
  const say = (amount: number): string => formatAmount(amount, cost.currency);
  const { budget, soft_budget: soft, spent, forecast, forecast_low: low, forecast_high: high } = cost;
  const times = moments.map(({ at }) => at);
  const from = times[0] ?? Date.parse(job.started_at ?? job.created_at);
  const to = Math.max(times.at(-1) ?? from, from + 1_000);
  const expected = forecast === undefined || forecast === null ? "" : ` At the end ${say(Number(low ?? forecast))} to ${say(Number(high ?? forecast))} are expected.`;
  return (
    <TimeSeries
      title="Spent and expected" titleUnseen times={times} span={[from, to]} marker={marker} ceiling={ceiling(cost)}
      summary={`${say(Number(spent))} are spent.${expected}${budget === undefined || budget === null ? "" : ` The budget is ${say(Number(budget))}.`}`}
      lines={[
        { label: "Spent", tone: "running", draw: "area", values: moments.map((moment) => moment.spent) },
        { label: "Forecast", tone: "second", draw: "dashes", values: moments.map((moment) => moment.forecast) },
      ]}
      bands={[{ label: "Its range", tone: "second", low: moments.map((moment) => moment.low), high: moments.map((moment) => moment.high) }]}
      rules={[
        ...(budget === undefined || budget === null ? [] : [{ label: "Budget", tone: "bad" as const, value: Number(budget) }]),
        ...(soft === undefined || soft === null ? [] : [{ label: "Soft budget", tone: "warn" as const, value: Number(soft) }]),
      ]}
      curve="smooth" say={say} sayAxis={say} empty="Nothing was spent yet."
    />
  );
}
