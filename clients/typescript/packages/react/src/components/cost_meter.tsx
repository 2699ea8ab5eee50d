"use client";
// What a job has cost, will cost and may cost.

import type { ReactNode } from "react";
import type { JobDocument } from "@headway/client";

import { formatAmount } from "../format/numbers.ts";
import { useLanguage, type Language } from "../words/context.tsx";
import { Bar, percent, type BarPart } from "./bar.tsx";
import { classes, type Styled } from "./classes.ts";
import { Live } from "./live.tsx";

/** Amounts of a job. */
export type CostDocument = NonNullable<JobDocument["cost"]>;

interface Shown extends Styled {
  readonly locale?: string | undefined;
  /** What costs; `Cost` unless said. */
  readonly label?: string | undefined;
}

/** The amounts of a job's document, or the id of a job to watch. */
export type CostMeterProps = Shown &
  ({ readonly cost: CostDocument | null | undefined; readonly id?: undefined } | { readonly id: string; readonly cost?: undefined });

/** What a job has cost, will cost and may cost; nothing where nothing costs. */
export function CostMeter(props: CostMeterProps): ReactNode {
  if (props.id !== undefined) {
    const { id, ...shown } = props;
    return <Live id={id}>{({ cost }) => cost && <Meter {...shown} cost={cost} />}</Live>;
  }
  return props.cost ? <Meter {...props} cost={props.cost} /> : null;
}

function Meter({ cost, label, locale, className }: Shown & { readonly cost: CostDocument }): ReactNode {
  const language = useLanguage(locale);
  const { words } = language;
  const amounts = read(cost);
  const state = judge(amounts);
  const say = (amount: string): string => formatAmount(amount, cost.currency, language);
  return (
    <section className={classes("headway", "headway-cost", className)} aria-label={label ?? words.cost} data-state={state}>
      <div className="headway-cost-head">
        <span className="headway-cost-spent headway-number">{say(cost.spent)}</span>
        {cost.budget != null && <span className="headway-number">{words.ofBudget(say(cost.budget))}</span>}
        {state !== "within" && <span className="headway-cost-state">{SAID[state](words)}</span>}
      </div>
      <Picture amounts={amounts} />
      <dl className="headway-facts">
        {rowsOf(cost, language).map(({ part, name, text }) => (
          <div key={part} className="headway-fact headway-cost-fact" data-part={part}>
            <dt>{name}</dt>
            <dd className="headway-number">{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Amounts as lengths: exact enough to draw. What is written is the amount itself. */
interface Amounts {
  readonly spent: number;
  readonly reserved: number;
  readonly forecast: number | undefined;
  readonly low: number | undefined;
  readonly high: number | undefined;
  readonly soft: number | undefined;
  readonly budget: number | undefined;
}

type State = "within" | "over_soft" | "forecast_over" | "over";

const SAID: Readonly<Record<Exclude<State, "within">, (words: Language["words"]) => string>> = {
  over: ({ overBudget }) => overBudget,
  over_soft: ({ overSoftBudget }) => overSoftBudget,
  forecast_over: ({ forecastOverBudget }) => forecastOverBudget,
};

function read({ spent, reserved, forecast, forecast_low: low, forecast_high: high, soft_budget: soft, budget }: CostDocument): Amounts {
  const number = (amount: string | null | undefined): number | undefined => (amount == null ? undefined : Number(amount));
  return {
    spent: Number(spent),
    reserved: number(reserved) ?? 0,
    forecast: number(forecast),
    low: number(low),
    high: number(high),
    soft: number(soft),
    budget: number(budget),
  };
}

function judge({ spent, forecast, soft, budget }: Amounts): State {
  if (budget !== undefined && spent > budget) return "over";
  if (budget !== undefined && forecast !== undefined && forecast > budget) return "forecast_over";
  return soft !== undefined && spent > soft ? "over_soft" : "within";
}

function Picture({ amounts }: { readonly amounts: Amounts }): ReactNode {
  const { spent, reserved, forecast, low, high, soft, budget } = amounts;
  const most = Math.max(spent + reserved, forecast ?? 0, high ?? 0, soft ?? 0, budget ?? 0);
  // What has nothing beside it is no picture.
  if (most <= 0 || (forecast ?? soft ?? budget) === undefined) return null;
  // A little more, so that the last mark is not at the edge.
  const share = (amount: number): number => amount / (most * 1.02);
  const inside = Math.min(spent, budget ?? spent);
  const parts: BarPart[] = [
    { name: "spent", from: 0, length: share(inside) },
    { name: "over", from: share(inside), length: share(spent - inside) },
    { name: "reserved", from: share(spent), length: share(reserved) },
  ].filter(({ length }) => length > 0);
  const mark = (name: string, amount: number | undefined): ReactNode =>
    amount !== undefined && <line className="headway-cost-mark" data-mark={name} x1={percent(share(amount))} x2={percent(share(amount))} y1="0" y2="100%" />;
  return (
    <div className="headway-cost-picture">
      <div className="headway-track headway-track-thick">
        <Bar parts={parts} />
      </div>
      <svg className="headway-cost-marks" width="100%" height="100%" aria-hidden="true" focusable="false">
        {low !== undefined && high !== undefined && (
          <rect className="headway-cost-band" x={percent(share(low))} width={percent(Math.max(0.004, share(high - low)))} y="0" height="100%" rx="2" />
        )}
        {mark("forecast", forecast)}
        {mark("soft", soft)}
        {mark("budget", budget)}
      </svg>
    </div>
  );
}

function rowsOf(cost: CostDocument, language: Language): readonly { readonly part: string; readonly name: string; readonly text: string }[] {
  const { words } = language;
  const say = (amount: string): string => formatAmount(amount, cost.currency, language);
  const { reserved, forecast, forecast_low: low, forecast_high: high, estimate, soft_budget: soft, budget } = cost;
  const range = low != null && high != null && low !== high ? ` (${words.between(say(low), say(high))})` : "";
  const isHeld = reserved != null && Number(reserved) > 0;
  return [
    { part: "spent", name: words.spent, text: say(cost.spent) },
    { part: "reserved", name: words.reserved, text: isHeld ? say(reserved) : "" },
    { part: "forecast", name: words.forecast, text: forecast == null ? "" : say(forecast) + range },
    { part: "estimate", name: words.estimate, text: forecast != null || estimate == null ? "" : say(estimate) },
    { part: "soft", name: words.softBudget, text: soft == null ? "" : say(soft) },
    { part: "budget", name: words.budget, text: budget == null ? "" : say(budget) },
  ].filter(({ text }) => text !== "");
}
