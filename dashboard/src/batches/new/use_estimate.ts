// What the batch would cost, as the server says, for what is filled in now.

import { useCallback, useEffect, useState } from "react";
import type { BatchOptions, Estimate } from "@headway/client";
import { useHeadway } from "@headway/react";

import type { Preview } from "../preview/preview.ts";
import type { Source } from "./use_preview.ts";

/** A larger file is sent for an estimate only when somebody asks for it. */
export const ASKED_BY_ITSELF_BYTES = 4 * 1024 * 1024;
/** How long somebody has not typed before it is asked, in milliseconds. */
const PAUSE_MS = 500;

export type EstimateState =
  | { readonly state: "none" }
  /** It waits to be asked for. */
  | { readonly state: "waits" }
  | { readonly state: "asking" }
  | { readonly state: "known"; readonly estimate: Estimate }
  | { readonly state: "refused"; readonly error: unknown };

export interface Estimating {
  readonly now: EstimateState;
  readonly ask: () => void;
  readonly cancel: () => void;
}

/** `options` is `undefined` while what is filled in makes no request. */
export function useEstimate(source: Source | undefined, preview: Preview | undefined, options: BatchOptions | undefined): Estimating {
  const headway = useHeadway();
  const key = source === undefined || preview === undefined || preview.refusal !== undefined || options === undefined ? undefined : JSON.stringify(costing(options));
  const [asked, setAsked] = useState<{ readonly key: string; readonly source: Source } | undefined>(undefined);
  const [answer, setAnswer] = useState<{ readonly key: string; readonly source: Source; readonly now: EstimateState } | undefined>(undefined);
  const small = (source?.content.size ?? 0) <= ASKED_BY_ITSELF_BYTES;
  const wanted = key !== undefined && asked?.key === key && asked.source === source;

  useEffect(() => {
    if (key === undefined || source === undefined || !small) return;
    const timer = setTimeout(() => {
      setAsked({ key, source });
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [key, source, small]);

  const name = preview?.sentAs;
  useEffect(() => {
    if (!wanted || name === undefined) return;
    const asking = new AbortController();
    headway.batches.estimateFile({ content: source.content, name }, JSON.parse(key) as BatchOptions, { signal: asking.signal }).then(
      (estimate) => {
        setAnswer({ key, source, now: { state: "known", estimate } });
      },
      (error: unknown) => {
        if (!asking.signal.aborted) setAnswer({ key, source, now: { state: "refused", error } });
      },
    );
    return () => {
      asking.abort();
    };
  }, [headway, wanted, key, source, name]);

  const ask = useCallback(() => {
    setAnswer(undefined);
    setAsked(key === undefined || source === undefined ? undefined : { key, source });
  }, [key, source]);
  const cancel = useCallback(() => {
    setAsked(undefined);
  }, []);
  const now: EstimateState = key === undefined ? { state: "none" }
    : answer?.key === key && answer.source === source ? answer.now
    : wanted ? { state: "asking" }
    : { state: "waits" };
  return { now, ask, cancel };
}

/** What of a request an estimate depends on: another name or tag asks nothing again. */
function costing(options: BatchOptions): BatchOptions {
  return { ...options, name: null, tags: [], session: null, start: null };
}
