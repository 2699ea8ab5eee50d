// What `<headway-progress>` takes inside React. Types alone: whoever uses the element imports `@headway/react/element`,
// which says nothing of React, because pages without it use it as well.

import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { JobSnapshot, Watcher } from "@headway/client";

import type { HeadwayProgress } from "../element.ts";
import type { Words } from "../words/words.ts";

/** Attributes of `<headway-progress>`; from React 19 on also its properties and its event. */
export interface HeadwayProgressAttributes extends HTMLAttributes<HeadwayProgress> {
  /** The job's id. */
  readonly job?: string | undefined;
  /** The server; the page's own unless said. */
  readonly url?: string | undefined;
  /** A watch token. */
  readonly token?: string | undefined;
  readonly label?: string | undefined;
  /** Shows label, percent and what is left. It is there or it is not, so that every React says the same by it. */
  readonly text?: true | undefined;
  /** A client to watch with, in place of `url` and `token`. */
  readonly headway?: Watcher | undefined;
  /** Words in place of the English ones. */
  readonly words?: Partial<Words> | undefined;
  /** Is told of each change. */
  readonly "onheadway-change"?: ((event: CustomEvent<JobSnapshot>) => void) | undefined;
}

/** What an element of JSX takes: those, a key and a ref. */
export type HeadwayProgressProps = DetailedHTMLProps<HeadwayProgressAttributes, HeadwayProgress>;

declare module "react" {
  // A namespace is how React lets elements be named.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace JSX {
    interface IntrinsicElements {
      "headway-progress": HeadwayProgressProps;
    }
  }
}
