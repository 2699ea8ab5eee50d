// The beginning of the file that somebody has chosen.

import { useEffect, useState } from "react";

import { preview, type Preview } from "../preview/preview.ts";

/** A file, or a text that was pasted. */
export interface Source {
  readonly content: Blob;
  readonly name: string;
}

export interface Previewed {
  readonly preview: Preview | undefined;
  /** Why the file cannot be read in this browser. */
  readonly error: unknown;
}

const NOT_YET: Previewed = { preview: undefined, error: undefined };

export function usePreview(source: Source | undefined): Previewed {
  const [state, setState] = useState<Previewed & { readonly source: Source | undefined }>({ ...NOT_YET, source: undefined });
  useEffect(() => {
    if (source === undefined) return;
    let current = true;
    preview(source.content, source.name).then(
      (found) => {
        if (current) setState({ preview: found, error: undefined, source });
      },
      (error: unknown) => {
        if (current) setState({ preview: undefined, error, source });
      },
    );
    return () => {
      current = false;
    };
  }, [source]);
  return state.source === source ? state : NOT_YET;
}
