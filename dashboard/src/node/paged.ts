// A list that is read page by page, as somebody asks for more.

import { useCallback, useEffect, useRef, useState } from "react";
import { HeadwayError } from "@headway/client";

import { reasonOf } from "../shell/words.ts";

export interface Paged<Entry> {
  readonly entries: readonly Entry[];
  readonly loading: boolean;
  readonly error: string | undefined;
  readonly forbidden: boolean;
  /** Reads the next ones; `undefined` where there are none. It stays while they are on their way, as its button has the focus. */
  readonly more: (() => void) | undefined;
  /** Reads it again from its beginning. */
  readonly again: () => void;
}

interface Page<Entry> {
  readonly entries: readonly Entry[];
  readonly next: string | undefined;
}

interface State<Entry> extends Page<Entry> {
  readonly loading: boolean;
  readonly error: string | undefined;
  readonly forbidden: boolean;
}

/** `read` has to stay the same function as long as it reads the same list. */
export function usePaged<Entry>(read: (after: string | undefined, signal: AbortSignal) => Promise<Page<Entry>>): Paged<Entry> {
  const [state, setState] = useState<State<Entry>>({ entries: [], next: undefined, loading: true, error: undefined, forbidden: false });
  const ending = useRef(new AbortController());
  const load = useCallback(async (after: string | undefined, signal: AbortSignal) => {
    try {
      const page = await read(after, signal);
      setState((before) => ({ entries: after === undefined ? page.entries : [...before.entries, ...page.entries], next: page.next, loading: false, error: undefined, forbidden: false }));
    } catch (error) {
      if (signal.aborted) return;
      setState((before) => ({ ...before, loading: false, error: reasonOf(error), forbidden: error instanceof HeadwayError && error.status === 403 }));
    }
  }, [read]);
  useEffect(() => {
    const own = new AbortController();
    ending.current = own;
    void load(undefined, own.signal);
    return () => { own.abort(); };
  }, [load]);
  const ask = (after: string | undefined): void => {
    setState((before) => ({ ...before, loading: true, error: undefined }));
    void load(after, ending.current.signal);
  };
  const { entries, next, loading, error, forbidden } = state;
  return { entries, loading, error, forbidden, more: next === undefined ? undefined : () => { if (!loading) ask(next); }, again: () => { ask(undefined); } };
}
