// A number, what it was, and what it is.

import type { ReactNode } from "react";

import { Sparkline } from "../charts/sparkline.tsx";
import { KEPT } from "./readings.ts";

interface FigureProps {
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly values: readonly (number | undefined)[];
  /** The top of the picture, when it is not the largest value. */
  readonly max?: number;
  readonly children?: ReactNode;
}

export function Figure({ label, value, unit, values, max, children }: FigureProps) {
  return (
    <div className="figure">
      <span className="figure__label">{label}</span>
      <span className="figure__value">{value}{unit !== undefined && <small> {unit}</small>}</span>
      <Sparkline label={`${label} over the last minutes, now ${value} ${unit ?? ""}`} values={values} capacity={KEPT} height={32} {...(max !== undefined && { max })} />
      <span className="figure__under">{children}</span>
    </div>
  );
}
