// Steps of a job, and of many jobs as if they were one's.

import type { JobDocument } from "@headway/client";

/** Steps by key. */
export type Steps = NonNullable<JobDocument["steps"]>;

/** One step. */
export type StepDocument = Steps[string];

/** A step and where it stands. */
export interface PlacedStep {
  readonly key: string;
  readonly step: StepDocument;
  /** How many steps it is inside of. */
  readonly depth: number;
}

/** The steps of several jobs under keys that do not clash: those of a job that is alone keep theirs. */
export function stepsOf(jobs: readonly JobDocument[]): Steps {
  if (jobs.length === 1) return jobs[0]?.steps ?? {};
  const named = jobs.flatMap(({ id, steps = {} }) =>
    Object.entries(steps).map(([key, step]) => {
      const { parent } = step;
      return [`${id}/${key}`, typeof parent === "string" ? { ...step, parent: `${id}/${parent}` } : step] as const;
    }),
  );
  named.sort(([, one], [, other]) => byBeginning(one, other));
  return Object.fromEntries(named);
}

/** Every step after the one that it belongs to; siblings in the order in which they began, then as planned. */
export function placed(steps: Steps): readonly PlacedStep[] {
  const children = new Map<string | undefined, [string, StepDocument][]>();
  for (const [key, step] of Object.entries(steps)) {
    const parent = typeof step.parent === "string" && Object.hasOwn(steps, step.parent) ? step.parent : undefined;
    children.set(parent, [...(children.get(parent) ?? []), [key, step]]);
  }
  const rows: PlacedStep[] = [];
  const seen = new Set<string>();
  const add = (parent: string | undefined, depth: number): void => {
    const siblings = (children.get(parent) ?? []).sort(([, one], [, other]) => byBeginning(one, other));
    for (const [key, step] of siblings) {
      if (seen.has(key)) continue;
      seen.add(key);
      rows.push({ key, step, depth });
      add(key, depth + 1);
    }
  };
  add(undefined, 0);
  // Steps that are inside of each other have no beginning: they are shown, rather than lost.
  for (const [key, step] of Object.entries(steps)) {
    if (seen.has(key)) continue;
    seen.add(key);
    rows.push({ key, step, depth: 0 });
    add(key, 1);
  }
  return rows;
}

function byBeginning(one: StepDocument, other: StepDocument): number {
  const [begun, otherBegun] = [one.started_at ?? "~", other.started_at ?? "~"];
  if (begun !== otherBegun) return begun < otherBegun ? -1 : 1;
  return one.index - other.index;
}
