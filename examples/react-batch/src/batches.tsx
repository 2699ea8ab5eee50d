// Somebody's batches, and the way to start one.

import { useCallback, useRef, useState, type ReactElement } from "react";
import { isTerminal, useSession } from "@headway/react";

import { BatchSlot } from "./batch_slot.tsx";
import { NewBatch } from "./new_batch.tsx";
import type { Region } from "./site.ts";
import { useBatchIds } from "./use_batch_ids.ts";

interface BatchesProps {
  readonly session: string;
  readonly regions: readonly Region[];
}

export function Batches({ session, regions }: BatchesProps): ReactElement {
  const { ids, error } = useBatchIds(session);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const heading = useRef<HTMLHeadingElement>(null);
  const hide = useCallback((id: string) => {
    setHidden((before) => new Set([...before, id]));
    // The button that had the focus is gone.
    heading.current?.focus();
  }, []);
  const showAll = (): void => {
    setHidden(new Set());
    heading.current?.focus();
  };
  const shown = ids?.filter((id) => !hidden.has(id));
  return (
    <>
      <section aria-labelledby="new">
        <h1 id="new">Plan round trips</h1>
        <NewBatch regions={regions} />
      </section>
      <section aria-labelledby="yours">
        <div className="line">
          <h2 id="yours" ref={heading} tabIndex={-1}>Your plans</h2>
          <Underway session={session} />
          {hidden.size > 0 && <button type="button" className="button quiet" onClick={showAll}>Show {hidden.size} hidden</button>}
        </div>
        {error !== undefined && <p className="refusal" role="alert">Your plans cannot be listed: {error}</p>}
        {shown?.length === 0 && hidden.size === 0 && <p className="empty">Nothing planned yet. Choose a region above.</p>}
        <ul className="cards">
          {shown?.map((id) => <BatchSlot key={id} id={id} onHide={hide} />)}
        </ul>
      </section>
    </>
  );
}

/** Rendered again only when another number of batches moves. */
function Underway({ session }: { readonly session: string }): ReactElement {
  const count = useSession(session, { select: ({ jobs }) => jobs.filter(({ status }) => !isTerminal(status)).length });
  return <span className="muted">{count === 0 ? "" : `${count} under way`}</span>;
}
