// Bars over time that stand on each other.

import type { ReactNode } from "react";

import { stackedBars } from "./geometry.ts";
import { Plot, type ChartTone } from "./plot.tsx";

/** One colour of the stack; its values stand at the chart's times. */
export interface Stack {
  readonly label: string;
  readonly tone: ChartTone;
  readonly values: readonly number[];
}

export interface StackedBarsProps {
  readonly title: string;
  /** The title stands above already: only people who listen are told it. */
  readonly titleUnseen?: boolean;
  readonly summary: string;
  /** Where each bar begins, ascending. */
  readonly times: readonly number[];
  /** How long a bar lasts, in milliseconds. */
  readonly step: number;
  readonly span: readonly [number, number];
  /** From the floor up. */
  readonly stacks: readonly Stack[];
  readonly sayAxis: (value: number) => string;
  readonly say: (value: number) => string;
  readonly empty: string;
  /** A moment that is looked at elsewhere on the page. */
  readonly marker?: number | undefined;
}

export function StackedBars({ title, titleUnseen = false, summary, times, step, span, stacks, sayAxis, say, empty, marker }: StackedBarsProps): ReactNode {
  const max = times.reduce((most, _, place) => Math.max(most, stacks.reduce((sum, { values }) => sum + (values[place] ?? 0), 0)), 0);
  const widest = say(max);
  return (
    <Plot
      title={title} titleUnseen={titleUnseen} summary={summary} times={times} span={span} max={max} say={sayAxis} empty={empty} marker={marker} centre={step / 2}
      readings={stacks.map(({ label, tone, values }) => ({ label, tone, mark: "block", widest, at: (place) => say(values[place] ?? 0) }))}
    >
      {(scales) => stackedBars(stacks.map(({ values }) => values), times, step, scales).map((bars, index) => (
        <g key={stacks[index]?.label} className="plot__bars" data-tone={stacks[index]?.tone}>
          {bars.map(({ x, y, width, height }) => height > 0 && <rect key={x} x={x} y={y} width={width} height={height} />)}
        </g>
      ))}
    </Plot>
  );
}
