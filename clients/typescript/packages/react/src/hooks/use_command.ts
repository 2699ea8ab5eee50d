"use client";
// What can be asked of a job.

import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { HeadwayError, type Action, type Headway, type Job, type JobDocument } from "@headway/client";

import { useProvided } from "../provider/context.ts";
import { allows } from "../status.ts";
import { useSelected } from "../watch/selection.ts";
import { still } from "../watch/unwatched.ts";

/** What an action can be given, beside a `signal` that ends the wait. */
export type CommandOptions = Parameters<Headway["jobs"]["resume"]>[1] & Parameters<Headway["jobs"]["retry"]>[1];

/** Asks something of a job, one action at a time. */
export interface JobCommand {
  /**
   * Asks; gives the job as it is then, and `undefined` when it was refused (`error` says why) or another
   * action is on its way. It does not throw.
   */
  readonly run: (action: Action, options?: CommandOptions) => Promise<Job | undefined>;
  /** The action that is on its way. */
  readonly pending: Action | undefined;
  /** Why the last one was refused, until the next one or `reset`. */
  readonly error: HeadwayError | undefined;
  /** Whether an action makes sense as the job is now. The server has the last word. */
  readonly can: (action: Action) => boolean;
  /** Forgets the error. */
  readonly reset: () => void;
}

interface Asking {
  readonly id: string | undefined;
  readonly pending: Action | undefined;
  readonly error: HeadwayError | undefined;
}

/**
 * Asks something of a job. What is watched of it anywhere inside the provider says what can be asked; it is
 * watched for this alone only where nothing else brings it.
 */
export function useCommand(id: string | undefined): JobCommand {
  const { headway, pool } = useProvided();
  const known = useMemo(() => (id === undefined ? still(undefined) : pool.known(id)), [pool, id]);
  const status = useSelected(known, undefined, statusOf);
  const [state, setState] = useState<Asking>({ id, pending: undefined, error: undefined });
  // What was asked of another job says nothing of this one.
  const { pending, error } = state.id === id ? state : { pending: undefined, error: undefined };
  const asked = useRef<object | undefined>(undefined);
  useEffect(
    () => () => {
      asked.current = undefined;
    },
    [headway, id],
  );

  const run = useCallback(
    async (action: Action, options: CommandOptions = {}): Promise<Job | undefined> => {
      if (id === undefined || asked.current !== undefined) return undefined;
      const request = {};
      asked.current = request;
      setState({ id, pending: action, error: undefined });
      const finish = (refusal: HeadwayError | undefined): void => {
        if (asked.current !== request) return;
        asked.current = undefined;
        setState({ id, pending: undefined, error: refusal });
      };
      try {
        const job = await headway.jobs[action](id, options);
        finish(undefined);
        return job;
      } catch (cause) {
        finish(options.signal?.aborted === true ? undefined : refusalOf(cause));
        return undefined;
      }
    },
    [headway, id],
  );
  const can = useCallback(
    (action: Action): boolean => pending === undefined && status !== undefined && allows(status, action),
    [pending, status],
  );
  const reset = useCallback(() => {
    setState((before) => ({ ...before, error: undefined }));
  }, []);
  return useMemo(() => ({ run, pending, error, can, reset }), [run, pending, error, can, reset]);
}

function statusOf(job: JobDocument | undefined): Job["status"] | undefined {
  return job?.status;
}

function refusalOf(cause: unknown): HeadwayError {
  if (cause instanceof HeadwayError) return cause;
  return new HeadwayError(cause instanceof Error ? cause.message : String(cause), { cause });
}
