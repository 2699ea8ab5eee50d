// Why the batch stands still or has ended, where there is a reason.

import { formatAmount, type JobDocument } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { sentence } from "../shell/words.ts";

export function BatchNotice({ job }: { readonly job: JobDocument }) {
  const { error, status, stalled } = job;
  if (error === undefined || error === null) {
    return stalled === true ? <Banner tone="warn" title="Stalled">Its workers have been silent for longer than they promised. It goes on by itself when they report again.</Banner> : null;
  }
  if (error.code.startsWith("budget")) return <AtBudget job={job} message={error.message} />;
  return <Banner tone={status === "failed" ? "bad" : "warn"} title={status === "failed" ? "The batch failed" : "The batch was stopped"}>{sentence(error.message)} <code>{error.code}</code></Banner>;
}

function AtBudget({ job, message }: { readonly job: JobDocument; readonly message: string }) {
  const { cost, status } = job;
  if (cost?.budget === undefined || cost.budget === null) return <Banner tone="warn" title="The budget is reached">{sentence(message)}</Banner>;
  const spent = formatAmount(cost.spent, cost.currency);
  const budget = formatAmount(cost.budget, cost.currency);
  const more = cost.forecast_high === undefined || cost.forecast_high === null ? "" : ` The whole batch is expected to cost up to ${formatAmount(cost.forecast_high, cost.currency)}.`;
  return (
    <Banner tone="warn" title="The budget is reached">
      {`${spent} of ${budget} are spent, and the next item would pass it.${status === "paused" || status === "pausing" ? " A larger budget lets the rest run." : ""}${more}`}
    </Banner>
  );
}
