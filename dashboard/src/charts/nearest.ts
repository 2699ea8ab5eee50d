// Which sample a place on the axis belongs to.

/** The place of the time nearest to `at` in ascending times; `undefined` when there is none. */
export function nearest(times: readonly number[], at: number): number | undefined {
  let low = 0;
  let high = times.length - 1;
  if (high < 0) return undefined;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  const before = times[low - 1];
  const found = times[low];
  return before !== undefined && found !== undefined && at - before <= found - at ? low - 1 : low;
}

/** Where a key moves the crosshair to; `undefined` for a key that does not move it. */
export function moved(key: string, from: number | undefined, length: number): number | undefined {
  const last = length - 1;
  if (last < 0) return undefined;
  const at = from ?? last;
  const page = Math.max(1, Math.round(length / 10));
  switch (key) {
    case "ArrowLeft":
    case "ArrowDown":
      return Math.max(0, at - 1);
    case "ArrowRight":
    case "ArrowUp":
      return Math.min(last, at + 1);
    case "PageDown":
      return Math.max(0, at - page);
    case "PageUp":
      return Math.min(last, at + page);
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return undefined;
  }
}
