// Shapes of series as SVG paths.

import { area, line, curveMonotoneX, curveStepAfter } from "d3-shape";

/** A place on the plot; a `y` that is absent is a hole in the line. */
export interface Place {
  readonly x: number;
  readonly y: number | undefined;
}

/** How a line goes from one sample to the next. */
export type Curve = "smooth" | "steps";

const CURVES = { smooth: curveMonotoneX, steps: curveStepAfter } as const;

const known = ({ y }: Place): boolean => y !== undefined;

/** A line through the places, with holes where nothing is known. */
export function linePath(places: readonly Place[], curve: Curve): string {
  return line<Place>().defined(known).x(({ x }) => x).y(({ y }) => y ?? 0).curve(CURVES[curve])([...places]) ?? "";
}

/** What lies between the places and the floor. */
export function areaPath(places: readonly Place[], floor: number, curve: Curve): string {
  return area<Place>().defined(known).x(({ x }) => x).y0(floor).y1(({ y }) => y ?? floor).curve(CURVES[curve])([...places]) ?? "";
}

/** What lies between two lines over the same places. */
export function bandPath(low: readonly Place[], high: readonly Place[], curve: Curve): string {
  const both = low.map(({ x, y }, place) => ({ x, y, top: high[place]?.y }));
  const shape = area<{ x: number; y: number | undefined; top: number | undefined }>()
    .defined(({ y, top }) => y !== undefined && top !== undefined)
    .x(({ x }) => x).y0(({ y }) => y ?? 0).y1(({ top }) => top ?? 0).curve(CURVES[curve]);
  return shape(both) ?? "";
}

/** Places that stand alone: no line goes through them, so they are shown as dots. */
export function alone(places: readonly Place[]): readonly { readonly x: number; readonly y: number }[] {
  return places.flatMap(({ x, y }, place) =>
    y !== undefined && places[place - 1]?.y === undefined && places[place + 1]?.y === undefined ? [{ x, y }] : []);
}

/** One bar of a stack. */
export interface Bar {
  readonly x: number;
  readonly width: number;
  readonly y: number;
  readonly height: number;
}

/** How wide a bar is at the most, in pixels: one that stands alone is no wall. */
const WIDEST = 64;

/**
 * Bars that stand on each other, one list for each series. A value above zero is at least a pixel
 * high: one failure among ten thousand is seen.
 */
export function stackedBars(
  values: readonly (readonly number[])[],
  starts: readonly number[],
  step: number,
  scale: { readonly x: (at: number) => number; readonly y: (value: number) => number },
): readonly (readonly Bar[])[] {
  const floors = starts.map(() => scale.y(0));
  return values.map((series) => starts.map((start, place) => {
    const value = series[place] ?? 0;
    const left = scale.x(start);
    const room = scale.x(start + step) - left;
    const gap = Math.max(room >= 6 ? Math.min(2, room / 6) : 0, room - WIDEST);
    const floor = floors[place] ?? scale.y(0);
    const height = value > 0 ? Math.max(1, scale.y(0) - scale.y(value)) : 0;
    floors[place] = floor - height;
    return { x: left + gap / 2, width: Math.max(0.5, room - gap), y: floor - height, height };
  }));
}
