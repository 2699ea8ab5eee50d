// The place of what is on its way.

import "./surface.css";

/** Of the size that the real thing will have, so that nothing moves when it comes. */
export function Skeleton({ width, height = 14 }: { readonly width: number | string; readonly height?: number }) {
  return <span className="skeleton" aria-hidden="true" style={{ inlineSize: width, blockSize: height, maxInlineSize: "100%" }} />;
}
