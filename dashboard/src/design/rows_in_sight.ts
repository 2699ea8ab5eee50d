// Which rows of a long list are in sight. All of a list are equally high: where one stands is worked out, and nothing is
// kept of any of them, so that a list that grows by a page costs what the page costs.

import { useCallback, useSyncExternalStore } from "react";

export interface RowsInSight {
  /** The row at the upper edge. */
  readonly first: number;
  /** The rows to draw, from `from` up to, without, `to`: those in sight and some before and after them. */
  readonly from: number;
  readonly to: number;
}

interface Rows {
  readonly count: number;
  /** Pixels that one is high. */
  readonly size: number;
  /** Rows that are drawn before and after those in sight. */
  readonly spare: number;
  /** Pixels that stand above the first one in what is scrolled. */
  readonly above?: number;
}

/** The rows in sight of what is scrolled by `top` pixels and shows `height` of them. */
export function rowsInSight({ count, size, spare, above = 0 }: Rows, top: number, height: number): RowsInSight {
  const visible = Math.ceil(height / size) + 1;
  // What was scrolled further than rows are left shows the last ones.
  const first = Math.max(0, Math.min(Math.floor((top - above) / size), count - visible));
  return { first, from: Math.max(0, first - spare), to: Math.min(count, first + visible + spare) };
}

/** Those of a list that `scroller` scrolls, as it is scrolled; `null` before it is there. */
export function useRowsInSight(scroller: HTMLElement | Window | null, rows: Rows): RowsInSight {
  const subscribe = useCallback((tell: () => void) => {
    if (scroller === null) return () => undefined;
    const sizes = new ResizeObserver(tell);
    scroller.addEventListener("scroll", tell, { passive: true });
    if (scroller instanceof Window) scroller.addEventListener("resize", tell);
    else sizes.observe(scroller);
    return () => {
      scroller.removeEventListener("scroll", tell);
      scroller.removeEventListener("resize", tell);
      sizes.disconnect();
    };
  }, [scroller]);
  // In whole rows: within one nothing is drawn anew.
  const { size, above = 0 } = rows;
  const top = useSyncExternalStore(subscribe, () => Math.floor((topOf(scroller) - above) / size));
  const height = useSyncExternalStore(subscribe, () => Math.ceil(heightOf(scroller) / size));
  return rowsInSight({ ...rows, above: 0 }, top * size, height * size);
}

function topOf(scroller: HTMLElement | Window | null): number {
  return scroller === null ? 0 : scroller instanceof Window ? scroller.scrollY : scroller.scrollTop;
}

function heightOf(scroller: HTMLElement | Window | null): number {
  return scroller === null ? 0 : scroller instanceof Window ? scroller.innerHeight : scroller.clientHeight;
}
