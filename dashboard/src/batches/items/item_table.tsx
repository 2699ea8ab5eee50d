// Items as rows, of which only those in sight are drawn.

import { useEffect, useMemo, useRef, type KeyboardEvent } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { StatusBadge, formatCount, formatDuration, isTerminal, type JobDocument } from "@headway/react";

import { Empty } from "../../design/empty.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { amountColumn } from "../model/amounts.ts";
import { share, toggle, toggleAll, type Chosen } from "../model/chosen.ts";
import type { ItemRow } from "../model/item_row.ts";
import { canRunAgain } from "../model/retrying.ts";
import { RENEW_EVERY_MS, type ItemFilter, type Items, type ItemsState } from "./items.ts";

const ROW = 40;
/** The list reads on when so few rows are left below. */
const AHEAD = 20;

interface ItemTableProps {
  readonly job: JobDocument;
  readonly state: ItemsState;
  readonly items: Items;
  readonly filter: ItemFilter;
  readonly chosen: Chosen;
  readonly onChosen: (chosen: Chosen) => void;
  readonly opened: number | undefined;
  readonly onOpen: (index: number | undefined) => void;
}

export function ItemTable({ job, state: { list, reading }, items, filter, chosen, onChosen, opened, onOpen }: ItemTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const { rows } = list;
  // What it returns reads the scroll position when it is called: nothing of it is kept or handed on.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtualizer = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: () => ROW, overscan: 12 });
  const drawn = virtualizer.getVirtualItems();
  const first = drawn[0]?.index ?? 0;
  const last = drawn.at(-1)?.index ?? 0;

  useEffect(() => {
    if (list.read && last + AHEAD >= rows.length) void items.more();
  }, [items, list, last, rows.length]);

  const inSight = useRef(0);
  useEffect(() => {
    inSight.current = first;
  }, [first]);
  const version = `${job.attempt} ${job.cursor}`;
  const live = !isTerminal(job.status);
  const renewed = useRef(version);
  useEffect(() => {
    if (renewed.current === version) return;
    const timer = setTimeout(() => {
      renewed.current = version;
      void items.renew(inSight.current);
    }, live ? RENEW_EVERY_MS : 200);
    return () => {
      clearTimeout(timer);
    };
    // Counted from the first change that was not shown yet: a change before it is shown does not put it off.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [items, live, live ? Math.floor(Date.parse(job.updated_at) / RENEW_EVERY_MS) : version]);

  const order = useMemo(() => rows.filter(({ status }) => canRunAgain(status)).map(({ index }) => index), [rows]);
  const ticked = share(chosen, order);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
    if (step === 0 || !(event.target instanceof HTMLElement) || event.target.matches("input")) return;
    const focused = Number(event.target.closest<HTMLElement>("[data-place]")?.dataset["place"] ?? Number.NaN);
    const target = Math.min(rows.length - 1, Math.max(0, focused + step));
    const row = rows[target];
    if (!Number.isFinite(focused) || row === undefined) return;
    event.preventDefault();
    virtualizer.scrollToIndex(target);
    if (opened !== undefined) onOpen(row.index);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-place="${target}"] .item-row__open`)?.focus({ preventScroll: true });
    });
  };

  if (list.read && rows.length === 0) return <NoItems job={job} filter={filter} />;
  const say = amountColumn(job.cost?.currency ?? "USD", typicalCost(job));
  return (
    <div className="item-table" role="table" aria-label="Items" aria-rowcount={list.next === undefined ? rows.length + 1 : -1} onKeyDown={move}>
      <div className="item-row item-row--head" role="row" aria-rowindex={1}>
        <span role="columnheader">
          <input
            type="checkbox" aria-label="Tick all items of the list that can run again" checked={ticked === "all" && order.length > 0} disabled={order.length === 0}
            ref={(box) => { if (box !== null) box.indeterminate = ticked === "some"; }}
            onChange={() => { onChosen(toggleAll(chosen, order)); }}
          />
        </span>
        <span role="columnheader" className="item-row__number">Item</span>
        <span role="columnheader" className="item-row__status">Status</span>
        <span role="columnheader" className="item-row__input">Input</span>
        <span role="columnheader" className="item-row__outcome">Output or reason</span>
        <span role="columnheader" className="item-row__tries">Attempts</span>
        <span role="columnheader" className="item-row__time">Duration</span>
        <span role="columnheader" className="item-row__cost">Cost</span>
      </div>
      <div className="item-table__scroll" ref={scroller} tabIndex={-1}>
        <div role="rowgroup" className="item-table__rows" style={{ blockSize: virtualizer.getTotalSize() }}>
          {drawn.map(({ index: place, start }) => {
            const row = rows[place];
            return row === undefined ? null : (
              <Row
                key={row.index} row={row} place={place} start={start} say={say} opened={row.index === opened}
                ticked={chosen.indexes.has(row.index)} onOpen={() => { onOpen(row.index === opened ? undefined : row.index); }}
                onTick={(range) => { onChosen(toggle(chosen, row.index, range, order)); }}
              />
            );
          })}
        </div>
        {!list.read && <Loading />}
        {list.read && <p className="item-table__end faint numbers" role="status">{list.next === undefined ? `${formatCount(rows.length)} ${rows.length === 1 ? "item" : "items"}` : reading ? "Reading more" : ""}</p>}
      </div>
    </div>
  );
}

interface RowProps {
  readonly row: ItemRow;
  readonly place: number;
  readonly start: number;
  readonly say: (amount: string) => string;
  readonly opened: boolean;
  readonly ticked: boolean;
  readonly onOpen: () => void;
  readonly onTick: (range: boolean) => void;
}

function Row({ row, place, start, say, opened, ticked, onOpen, onTick }: RowProps) {
  const name = row.customId ?? `item ${row.index}`;
  const tickable = canRunAgain(row.status);
  return (
    <div
      className="item-row" role="row" aria-rowindex={place + 2} data-place={place} data-opened={opened || undefined} data-status={row.status}
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

/** What an item costs on average so far. */
function typicalCost({ cost, items }: JobDocument): number {
  const ended = (items?.succeeded ?? 0) + (items?.failed ?? 0);
  return ended === 0 ? 0 : Number(cost?.spent ?? 0) / ended;
}

function Loading() {
  return (
    <div aria-hidden="true">
      {[62, 48, 71, 55, 66, 44].map((width) => <div key={width} className="item-row item-row--waiting"><Skeleton width={`${width}%`} /></div>)}
    </div>
  );
}

function NoItems({ job, filter: { status, error, from } }: Pick<ItemTableProps, "job" | "filter">) {
  if (status === undefined && error === undefined && from === 0) {
    return (job.items?.total ?? 0) === 0
      ? <Empty icon="layers" title="This batch has no items">The file or list that it was made of had none.</Empty>
      : <Empty icon="clock" title="The items are not here yet">They appear when all of them were taken in.</Empty>;
  }
  return <Empty icon="filter" title="No such items">{error !== undefined ? <>No item failed with <code>{error}</code>.</> : from > 0 ? `There are none from item ${from} on.` : `None is ${status ?? "here"} at the moment.`}</Empty>;
}
