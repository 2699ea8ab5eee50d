"use client";
// A status as a sign, a colour and a word.

import type { ReactNode } from "react";
import type { ItemStatus, JobStatus, StepStatus } from "@headway/client";

import { signOf } from "../signs.ts";
import { useLanguage } from "../words/context.tsx";
import type { Words } from "../words/words.ts";
import { classes, type Styled } from "./classes.ts";
import { Icon } from "./icon.tsx";

export interface StatusBadgeProps extends Styled {
  /** Of a job, a step or an item. */
  readonly status: JobStatus | StepStatus | ItemStatus;
  /** Whether a job's worker is silent. */
  readonly stalled?: boolean | undefined;
}

/** A status as a sign, a colour and a word. */
export function StatusBadge({ status, stalled = false, className }: StatusBadgeProps): ReactNode {
  const { words } = useLanguage();
  return (
    <span className={classes("headway", "headway-badge", className)} data-status={stalled ? "stalled" : status}>
      <Icon sign={stalled ? "stalled" : signOf(status)} />
      {stalled ? words.stalled : sayStatus(status, words)}
    </span>
  );
}

/** The word of a status. */
export function sayStatus(status: StatusBadgeProps["status"], { status: job, step, item }: Words): string {
  return { ...item, ...step, ...job }[status];
}
