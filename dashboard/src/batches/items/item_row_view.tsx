// An item in the list.

import { StatusBadge, formatDuration } from "@headway/react";

import type { ItemRow } from "../model/item_row.ts";
import { canRunAgain } from "../model/retrying.ts";

interface ItemRowViewProps {
  readonly row: ItemRow;
  readonly place: number;
  readonly start: number;
  readonly say: (amount: string) => string;
  readonly opened: boolean;
  readonly ticked: boolean;
  readonly onOpen: () => void;
  readonly onTick: (range: boolean) => void;
}

export function ItemRowView({ row, place, start, say, opened, ticked, onOpen, onTick }: ItemRowViewProps) {
  const name = row.customId ?? `item ${row.index}`;
  const tickable = canRunAgain(row.status);
  return (
    <div
      className="item-row" role="row" aria-rowindex={place + 2} data-place={place} data-index={row.index} data-opened={opened || undefined} data-status={row.status}
      style={{ transform: `translateY(${start}px)` }}
      onClick={(event) => { if (!(event.target instanceof HTMLInputElement) && !(event.target instanceof HTMLButtonElement)) onOpen(); }}
    >
      <span role="cell">
        {tickable && (
          <input
            type="checkbox" aria-label={`Tick ${name}`} checked={ticked}
            onChange={(event) => { onTick(event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey); }}
          />
        )}
      </span>
      <span role="cell" className="item-row__number">
        <button type="button" className="item-row__open" aria-expanded={opened} onClick={onOpen}>
          <span className="numbers">{row.index}</span>{row.customId !== undefined && <span className="one-line">{row.customId}</span>}
        </button>
      </span>
      <span role="cell" className="item-row__status"><StatusBadge status={row.status} /></span>
      <span role="cell" className="item-row__input one-line">{row.input}</span>
      <span role="cell" className="item-row__outcome one-line">{row.code !== undefined && <code>{row.code}</code>}{row.outcome}</span>
      <span role="cell" className="item-row__tries numbers">{row.attempts === 0 ? "" : row.attempts}</span>
      <span role="cell" className="item-row__time numbers">{row.durationMs === undefined ? "" : formatDuration(row.durationMs)}</span>
      <span role="cell" className="item-row__cost numbers">{row.cost === undefined ? "" : say(row.cost)}</span>
    </div>
  );
}
