// A bar of parts. Lengths are attributes of SVG: no `style` in HTML that a content security policy would refuse.

import type { ReactNode } from "react";

/** A part of a bar. */
export interface BarPart {
  /** What it stands for; its colour follows. */
  readonly name: string;
  /** Where it begins and how long it is, 0 to 1. */
  readonly from: number;
  readonly length: number;
}

/** A bar. What it shows is said in words beside it. */
export function Bar({ parts, state, children }: { readonly parts: readonly BarPart[]; readonly state?: string | undefined; readonly children?: ReactNode }): ReactNode {
  return (
    <svg className="headway-bar" data-state={state} width="100%" height="8" aria-hidden="true" focusable="false">
      {parts.map(({ name, from, length }) => (
        <rect key={name} className="headway-bar-part" data-part={name} x={percent(from)} width={percent(length)} height="100%" />
      ))}
      {children}
    </svg>
  );
}

/** A length as an attribute says it. */
export function percent(share: number): string {
  return `${Math.round(Math.min(1, Math.max(0, share)) * 100_000) / 1_000}%`;
}
