// Lines over time, with bands between two of them and rules across.

import type { ReactNode } from "react";

import { alone, areaPath, bandPath, linePath, type Curve, type Place } from "./geometry.ts";
import { Plot, type Reading, type Scales, type ChartTone } from "./plot.tsx";

type Values = readonly (number | undefined)[];

/** One line; its values stand at the chart's times. */
export interface Line {
  readonly label: string;
  readonly tone: ChartTone;
  readonly values: Values;
  /** `area` fills what is below; `dashes` is for what is expected. */
  readonly draw: "line" | "area" | "dashes";
}

/** What lies between two values. */
export interface Band {
  readonly label: string;
  readonly tone: ChartTone;
  readonly low: Values;
  readonly high: Values;
}

/** A value that is the same at all times, such as a budget. */
export interface Rule {
  readonly label: string;
  readonly tone: ChartTone;
  readonly value: number;
}

export interface TimeSeriesProps {
  readonly title: string;
  /** The title stands above already: only people who listen are told it. */
  readonly titleUnseen?: boolean;
  readonly summary: string;
  readonly times: readonly number[];
  readonly span: readonly [number, number];
  readonly lines: readonly Line[];
  readonly bands?: readonly Band[];
  readonly rules?: readonly Rule[];
  /** `steps` for amounts that jump, `smooth` for what was measured. */
  readonly curve: Curve;
  /** Says a value of the axis, shortly. */
  readonly sayAxis: (value: number) => string;
  /** Says a value in full. */
  readonly say: (value: number) => string;
  readonly empty: string;
  /** Where the axis ends at the least; what is above it is cut off. */
  readonly ceiling?: number | undefined;
  /** A moment that is looked at elsewhere on the page. */
  readonly marker?: number | undefined;
}

const largest = (values: Values): number => values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);

export function TimeSeries({ title, titleUnseen = false, summary, times, span, lines, bands = [], rules = [], curve, sayAxis, say, empty, ceiling, marker }: TimeSeriesProps): ReactNode {
  const max = ceiling ?? Math.max(
    ...lines.map(({ values }) => largest(values)), ...bands.map(({ high }) => largest(high)), ...rules.map(({ value }) => value), 0,
  );
  const widest = say(max);
  const readings: Reading[] = [
    ...lines.map(({ label, tone, values, draw }): Reading => ({
      label, tone, mark: draw === "dashes" ? "dashes" : "line", widest, at: (place) => told(values[place], say),
    })),
    ...bands.map(({ label, tone, low, high }): Reading => ({
      label, tone, mark: "band", widest: `${widest} – ${widest}`,
      at: (place) => {
        const [from, to] = [told(low[place], say), told(high[place], say)];
        return from === undefined || to === undefined ? undefined : from === to ? from : `${from} – ${to}`;
      },
    })),
    ...rules.map(({ label, tone, value }): Reading => ({ label, tone, mark: "dashes", widest: say(value), at: () => say(value) })),
  ];
  return (
    <Plot title={title} titleUnseen={titleUnseen} summary={summary} times={times} span={span} max={max} say={sayAxis} readings={readings} empty={empty} marker={marker}>
      {(scales) => (
        <>
          {bands.map((band) => (
            <path key={band.label} className="plot__band" data-tone={band.tone}
              d={bandPath(places(times, band.low, scales), places(times, band.high, scales), curve)} />
          ))}
          {rules.filter(({ value }) => value <= scales.top).map((rule) => (
            <line key={rule.label} className="plot__rule" data-tone={rule.tone}
              x1={scales.x(span[0])} x2={scales.right} y1={scales.y(rule.value)} y2={scales.y(rule.value)} />
          ))}
          {lines.map((line) => {
            const at = places(times, line.values, scales);
            return (
              <g key={line.label} data-tone={line.tone}>
                {line.draw === "area" && <path className="plot__area" d={areaPath(at, scales.floor, curve)} />}
                <path className="plot__line" data-draw={line.draw} d={linePath(at, curve)} />
                {alone(at).map(({ x, y }) => <circle key={x} className="plot__dot" cx={x} cy={y} r={2.5} />)}
              </g>
            );
          })}
        </>
      )}
    </Plot>
  );
}

function places(times: readonly number[], values: Values, scales: Scales): readonly Place[] {
  return times.map((at, place) => {
    const value = values[place];
    return { x: scales.x(at), y: value === undefined ? undefined : scales.y(value) };
  });
}

function told(value: number | undefined, say: (value: number) => string): string | undefined {
  return value === undefined ? undefined : say(value);
}
