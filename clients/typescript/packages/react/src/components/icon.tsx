// Signs of statuses: each is told by its shape, not by its colour alone.

import type { ReactNode } from "react";

import { SIGNS, type Sign } from "../signs.ts";

/** A sign beside a word that says the same. */
export function Icon({ sign }: { readonly sign: Sign }): ReactNode {
  return (
    <svg className="headway-icon" data-sign={sign} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={SIGNS[sign]} />
    </svg>
  );
}
