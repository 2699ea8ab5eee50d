// A card's place in the list. What breaks in a card breaks that card.

import { memo, type ReactElement } from "react";
import { HeadwayErrorBoundary } from "@headway/react";

import { BatchCard } from "./batch_card.tsx";

interface BatchSlotProps {
  readonly id: string;
  /** The same function each time, so that a card is not rendered because the list is. */
  readonly onHide: (id: string) => void;
}

export const BatchSlot = memo(function BatchSlot({ id, onHide }: BatchSlotProps): ReactElement {
  return (
    <li>
      <HeadwayErrorBoundary fallback={({ error, retry }) => <BrokenCard id={id} error={error} onRetry={retry} onHide={onHide} />}>
        <BatchCard id={id} onHide={onHide} />
      </HeadwayErrorBoundary>
    </li>
  );
});

interface BrokenCardProps extends BatchSlotProps {
  readonly error: unknown;
  readonly onRetry: () => void;
}

function BrokenCard({ id, error, onRetry, onHide }: BrokenCardProps): ReactElement {
  return (
    <article className="card broken" aria-label={`Plan ${id}`}>
      <h3>This plan cannot be shown</h3>
      <p role="alert">{id}: {error instanceof Error ? error.message : String(error)}.</p>
      <div className="actions">
        <button type="button" className="button" onClick={onRetry}>Try again</button>
        <button type="button" className="button quiet" onClick={() => { onHide(id); }}>Hide</button>
      </div>
    </article>
  );
}
