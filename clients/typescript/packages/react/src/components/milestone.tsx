"use client";
// Tells a change of status, and each tenth that is done, to those who do not see it; never each update.

import type { ReactNode } from "react";

import { sayMilestone, type Progressing } from "../format/progress.ts";
import { useLanguage } from "../words/context.tsx";

/** What is read aloud when it changes. */
export function Milestone({ name, job }: { readonly name: string; readonly job: Progressing }): ReactNode {
  const language = useLanguage();
  return (
    <span className="headway-unseen" role="status">
      {`${name}: ${sayMilestone(job, language)}`}
    </span>
  );
}
