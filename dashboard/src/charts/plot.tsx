// The frame of every plot: axes, crosshair, readout, and the same as a table.

import { scaleLinear } from "d3-scale";
import { useId, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";

import "./charts.css";
import type { Tone } from "../design/tone.ts";
import { moved, nearest } from "./nearest.ts";
import { useWidth } from "./plot_size.ts";
import { momentFormat, timeTicks, valueTicks } from "./ticks.ts";

/** What a colour means; `second` is for a second line that is no status. The theme says what they are. */
export type ChartTone = Tone | "second";

/** From what is to be shown to where it is. */
export interface Scales {
  readonly x: (at: number) => number;
  readonly y: (value: number) => number;
  /** The largest value that the axis has room for. */
  readonly top: number;
  /** The plot's floor and right edge. */
  readonly floor: number;
  readonly right: number;
}

/** One line of the readout. */
export interface Reading {
  readonly label: string;
  readonly tone: ChartTone;
  /** How it is drawn, for whoever does not tell the colours apart. */
  readonly mark: "block" | "line" | "dashes" | "band";
  /** What it says at a sample; absent where nothing is known. */
  readonly at: (place: number) => string | undefined;
  /** The longest text that `at` is likely to give: room is kept for it. */
  readonly widest: string;
}

export interface PlotProps {
  readonly title: string;
  /** The title stands above already: only people who listen are told it. */
  readonly titleUnseen?: boolean;
  /** What it shows, in a sentence, for whoever hears it. */
  readonly summary: string;
  /** When the samples were taken, ascending. */
  readonly times: readonly number[];
  /** The ends of the time axis. */
  readonly span: readonly [number, number];
  /** The largest value. */
  readonly max: number;
  /** Says a value of the axis. */
  readonly say: (value: number) => string;
  readonly readings: readonly Reading[];
  /** Instead of the plot, when there is no sample. */
  readonly empty: string;
  /** From a sample's time to the middle of what stands for it, in milliseconds. */
  readonly centre?: number;
  /** A moment that is looked at elsewhere on the page. */
  readonly marker?: number | undefined;
  readonly children: (scales: Scales) => ReactNode;
}

const HEIGHT = 176;
const FOOT = 22;
const HEAD = 8;
const RIGHT = 8;
/** What a sign of an axis label takes, in pixels; the margin grows by whole steps, so that it seldom moves. */
const SIGN = 6.6;
const MARGIN_STEP = 14;
/** The least room of a reading, in signs, so that its neighbours stay where they are when it gets another one. */
const READING = 6;

export function Plot({ title, titleUnseen = false, summary, times, span, max, say, readings, empty, centre = 0, marker, children }: PlotProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const titleId = useId();
  const clip = useId();
  const [chosen, setChosen] = useState<number | undefined>(undefined);
  const [asTable, setAsTable] = useState(false);
  const moment = momentFormat(span[1] - span[0]);
  const last = times.length - 1;
  const place = chosen === undefined ? undefined : Math.min(chosen, last);
  const shown = place ?? last;

  const marks = valueTicks(max, 4);
  const top = marks.at(-1) ?? 1;
  const labels = marks.map(say);
  const longest = Math.max(0, ...labels.map((label) => label.length));
  const left = Math.ceil((longest * SIGN + 10) / MARGIN_STEP) * MARGIN_STEP;
  const right = Math.max(left + 1, width - RIGHT);
  const floor = HEIGHT - FOOT;
  const end = span[1] > span[0] ? span[1] : span[0] + 1;
  const x = scaleLinear().domain([span[0], end]).range([left, right]);
  const y = scaleLinear().domain([0, top]).range([floor, HEAD]);
  const at = times[shown];

  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const from = event.currentTarget.getBoundingClientRect();
    setChosen(nearest(times, x.invert(event.clientX - from.left) - centre));
  };
  const press = (event: KeyboardEvent): void => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") {
      setChosen(undefined);
      return;
    }
    const to = moved(event.key, place, times.length);
    if (to === undefined) return;
    event.preventDefault();
    setChosen(to);
  };
  const spoken = at === undefined ? empty : `${moment(at)}: ${readings.map((reading) => `${reading.label} ${reading.at(shown) ?? "not known"}`).join(", ")}`;

  return (
    <figure className="plot" aria-labelledby={titleId}>
      <figcaption className={titleUnseen ? "unseen" : "plot__title"} id={titleId}>{title}</figcaption>
      <div className="plot__head">
        <dl className="plot__readings" aria-hidden="true">
          {readings.map((reading) => (
            <div key={reading.label}>
              <dt><span className="plot__mark" data-mark={reading.mark} data-tone={reading.tone} />{reading.label}</dt>
              <dd style={{ minInlineSize: `${Math.max(READING, reading.widest.length)}ch` }}>{last < 0 ? "–" : (reading.at(shown) ?? "–")}</dd>
            </div>
          ))}
        </dl>
        <span className="plot__moment" aria-hidden="true">{place === undefined || at === undefined ? "" : moment(at)}</span>
        {last >= 0 && (
          <button type="button" className="plot__toggle" aria-label={`${title}: show the ${asTable ? "chart" : "table"}`} onClick={() => { setAsTable(!asTable); }}>
            {asTable ? "Chart" : "Table"}
          </button>
        )}
      </div>
      <p className="unseen">{last < 0 ? empty : summary}</p>
      <div className="plot__box" ref={box} style={{ height: HEIGHT }}>
        {last < 0 ? <p className="plot__empty">{empty}</p>
        : asTable ? <Readout times={times} readings={readings} moment={moment} title={title} />
        : width > 0 && (
          <div
            className="plot__stage" role="slider" tabIndex={0} aria-label={`${title}, by time`} aria-orientation="horizontal"
            aria-valuemin={0} aria-valuemax={last} aria-valuenow={shown} aria-valuetext={spoken}
            onKeyDown={press} onBlur={() => { setChosen(undefined); }}
          >
            <svg
              width={width} height={HEIGHT} aria-hidden="true" focusable="false"
              onPointerMove={point} onPointerDown={point} onPointerLeave={() => { setChosen(undefined); }}
            >
              <clipPath id={clip}><rect x={left} y={0} width={Math.max(0, width - left)} height={floor + 1} /></clipPath>
              {marks.map((mark, index) => (
                <g key={mark}>
                  <line className={index === 0 ? "plot__floor" : "plot__grid"} x1={left} x2={right} y1={Math.round(y(mark)) + 0.5} y2={Math.round(y(mark)) + 0.5} />
                  <text className="plot__label" x={left - 8} y={y(mark)} dy="0.32em" textAnchor="end">{labels[index]}</text>
                </g>
              ))}
              {timeTicks(span[0], end, right - left).map((tick) => (
                <text
                  key={tick.at} className="plot__label" x={x(tick.at)} y={HEIGHT - 6}
                  textAnchor={x(tick.at) < left + 24 ? "start" : x(tick.at) > right - 24 ? "end" : "middle"}
                >{tick.label}</text>
              ))}
              <g clipPath={`url(#${clip})`}>{children({ x, y, top, floor, right })}</g>
              {marker !== undefined && marker >= span[0] && marker <= end && (
                <line className="plot__marker" x1={x(marker)} x2={x(marker)} y1={HEAD} y2={floor} />
              )}
              {place !== undefined && at !== undefined && (
                <line className="plot__crosshair" x1={x(at + centre)} x2={x(at + centre)} y1={HEAD} y2={floor} />
              )}
            </svg>
          </div>
        )}
      </div>
    </figure>
  );
}

/** The samples as a table, newest first. */
function Readout({ times, readings, moment, title }: Pick<PlotProps, "times" | "readings" | "title"> & { readonly moment: (at: number) => string }): ReactNode {
  return (
    <div className="plot__table" tabIndex={0} role="region" aria-label={`${title} as a table`}>
      <table>
        <thead>
          <tr><th scope="col">Time</th>{readings.map(({ label }) => <th key={label} scope="col">{label}</th>)}</tr>
        </thead>
        <tbody>
          {times.map((at, place) => (
            <tr key={at}><th scope="row">{moment(at)}</th>{readings.map((reading) => <td key={reading.label}>{reading.at(place) ?? "–"}</td>)}</tr>
          )).reverse()}
        </tbody>
      </table>
    </div>
  );
}
