"use client";
// Buttons for what can be asked of a job.

import { useEffect, useRef, type ReactNode } from "react";
import type { Action, JobStatus } from "@headway/client";

import { allows } from "../status.ts";
import { useLanguage } from "../words/context.tsx";

export interface ActionsProps {
  readonly status: JobStatus;
  /** Whose job it is, for those who do not see where a button stands. */
  readonly name: string;
  /** Which actions are offered; those that the status does not allow are left out. */
  readonly actions: readonly Action[];
  readonly pending?: Action | undefined;
  readonly onCommand: (action: Action) => void;
}

/** Buttons for what can be asked of a job. */
export function Actions({ status, name, actions, pending, onCommand }: ActionsProps): ReactNode {
  const { words } = useLanguage();
  const allowed = actions.filter((action) => allows(status, action) || action === pending);
  const place = useRef<HTMLDivElement>(null);
  const asked = useRef(false);
  const offered = allowed.join();
  useEffect(() => {
    // A button that was pressed goes when its action is done: whoever was on it stays at the job, and not at the top of the page.
    if (asked.current && document.activeElement === document.body) place.current?.closest<HTMLElement>(".headway-card")?.focus();
    asked.current &&= pending !== undefined;
  }, [offered, pending]);
  return (
    <div ref={place} className="headway-actions">
      {allowed.map((action) => (
        <button
          key={action}
          type="button"
          className="headway-button"
          data-action={action}
          aria-label={`${words.action[action]}: ${name}`}
          aria-disabled={pending !== undefined}
          onClick={() => {
            if (pending !== undefined) return;
            asked.current = true;
            onCommand(action);
          }}
        >
          {words.action[action]}
        </button>
      ))}
    </div>
  );
}
