// A row of small facts, each a word and what it says.

import type { ReactNode } from "react";

/** A fact; one without a text is left out. */
export interface Fact {
  readonly name: string;
  readonly text: string;
}

/** Facts beside each other. Their names are read aloud; what is shown says what it is by its unit. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): ReactNode {
  return (
    <dl className="headway-facts">
      {facts
        .filter(({ text }) => text !== "")
        .map(({ name, text }) => (
          <div key={name} className="headway-fact">
            <dt>{name}</dt>
            <dd className="headway-number">{text}</dd>
          </div>
        ))}
    </dl>
  );
}
