// A line as small as a word.

import { scaleLinear } from "d3-scale";
import { useRef, type ReactNode } from "react";

import "./charts.css";
import { alone, areaPath, linePath } from "./geometry.ts";
import type { ChartTone } from "./plot.tsx";
import { useWidth } from "./plot_size.ts";

export interface SparklineProps {
  /** What it shows and what it is now; it stands for the picture. */
  readonly label: string;
  /** Evenly spaced, oldest first; a hole where nothing is known. */
  readonly values: readonly (number | undefined)[];
  /** So many values have room: fewer begin further right, so that the line moves and does not stretch. */
  readonly capacity?: number;
  readonly tone?: ChartTone;
  readonly height?: number;
  /** The top of the axis, when it is not the largest value. */
  readonly max?: number;
}

export function Sparkline({ label, values, capacity = values.length, tone = "running", height = 28, max }: SparklineProps): ReactNode {
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const room = Math.max(2, capacity);
  const top = max ?? values.reduce<number>((most, value) => Math.max(most, value ?? 0), 0);
  const x = scaleLinear().domain([0, room - 1]).range([1.5, width - 1.5]);
  const y = scaleLinear().domain([0, top > 0 ? top : 1]).range([height - 1.5, 2]);
  const shown = values.slice(-room);
  const places = shown.map((value, place) => ({ x: x(room - shown.length + place), y: value === undefined ? undefined : y(value) }));
  return (
    <div className="sparkline" data-tone={tone} ref={box} style={{ blockSize: height }} role="img" aria-label={label}>
      {width > 0 && (
        <svg viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
          <line className="plot__grid" x1={0} x2={width} y1={height - 0.5} y2={height - 0.5} />
          <path className="plot__area" d={areaPath(places, height - 1, "smooth")} />
          <path className="plot__line" data-draw="line" d={linePath(places, "smooth")} />
          {alone(places).map((place) => <circle key={place.x} className="plot__dot" cx={place.x} cy={place.y} r={1.5} />)}
        </svg>
      )}
    </div>
  );
}
