// Items as rows, of which only those in sight are drawn.

import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { formatCount, type JobDocument } from "@headway/react";

import { Empty } from "../../design/empty.tsx";
import { useRowsInSight } from "../../design/rows_in_sight.ts";
import { Skeleton } from "../../design/skeleton.tsx";
import { amountColumn } from "../model/amounts.ts";
import { share, toggle, toggleAll, type Chosen } from "../model/chosen.ts";
import { ItemRowView } from "./item_row_view.tsx";
import { ItemTableHead } from "./item_table_head.tsx";
import type { ItemFilter, Items, ItemsState } from "./items.ts";

const ROW = 40;
/** Rows that are drawn above and below those in sight. */
const SPARE = 12;
/** The list reads on when so few rows are left below. */
const AHEAD = 20;

interface ItemTableProps {
  readonly job: JobDocument;
  readonly state: ItemsState;
  readonly items: Items;
  readonly filter: ItemFilter;
  readonly chosen: Chosen;
  /** Items that can be ticked, in the order of the list. */
  readonly order: readonly number[];
  readonly onChosen: (chosen: Chosen) => void;
  readonly opened: number | undefined;
  readonly onOpen: (index: number | undefined) => void;
}

export function ItemTable({ job, state: { list, reading }, items, filter, chosen, order, onChosen, opened, onOpen }: ItemTableProps) {
  const [scroller, setScroller] = useState<HTMLDivElement | null>(null);
  const { rows } = list;
  const { from, to } = useRowsInSight(scroller, { count: rows.length, size: ROW, spare: SPARE });

  useEffect(() => {
    if (list.read && to + AHEAD > rows.length) void items.more();
  }, [items, list, to, rows.length]);

  useEffect(() => {
    items.look(from);
  }, [items, from]);
  const version = `${job.attempt} ${job.cursor}`;
  useEffect(() => {
    items.change(version);
  }, [items, version]);

  const ticked = share(chosen, order);
  // Whoever closes an item goes on where they were.
  const closed = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (opened === undefined && closed.current !== undefined && document.activeElement === document.body) {
      scroller?.querySelector<HTMLElement>(`[data-index="${closed.current}"] .item-row__open`)?.focus({ preventScroll: true });
    }
    closed.current = opened;
  }, [opened, scroller]);
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
    if (step === 0 || !(event.target instanceof HTMLElement) || event.target.matches("input")) return;
    const focused = Number(event.target.closest<HTMLElement>("[data-place]")?.dataset["place"] ?? Number.NaN);
    const target = Math.min(rows.length - 1, Math.max(0, focused + step));
    const row = rows[target];
    if (!Number.isFinite(focused) || row === undefined) return;
    event.preventDefault();
    if (scroller !== null) show(target, scroller);
    if (opened !== undefined) onOpen(row.index);
    requestAnimationFrame(() => {
      scroller?.querySelector<HTMLElement>(`[data-place="${target}"] .item-row__open`)?.focus({ preventScroll: true });
    });
  };

  if (list.read && rows.length === 0) return <NoItems job={job} filter={filter} />;
  const say = amountColumn(job.cost?.currency ?? "USD", typicalCost(job));
  return (
    <div className="item-list">
      <div className="item-table" role="table" aria-label="Items" aria-rowcount={list.next === undefined ? rows.length + 1 : -1} onKeyDown={move}>
        <ItemTableHead ticked={ticked} tickable={order.length > 0} onTick={() => { onChosen(toggleAll(chosen, order)); }} />
        <div className="item-table__scroll" role="rowgroup" ref={setScroller}>
          <div role="presentation" className="item-table__rows" style={{ blockSize: rows.length * ROW }}>
            {rows.slice(from, to).map((row, index) => {
              const place = from + index;
              return (
                <ItemRowView
                  key={row.index} row={row} place={place} start={place * ROW} say={say} opened={row.index === opened}
                  ticked={chosen.indexes.has(row.index)} onOpen={() => { onOpen(row.index === opened ? undefined : row.index); }}
                  onTick={(range) => { onChosen(toggle(chosen, row.index, range, order)); }}
                />
              );
            })}
          </div>
          {!list.read && <Loading />}
        </div>
      </div>
      <p className="item-list__end faint numbers" dir="auto" role="status">{told(list, reading)}</p>
    </div>
  );
}

/** Scrolls no further than it takes for all of a row to be in sight. */
function show(place: number, scroller: HTMLElement): void {
  const { scrollTop, clientHeight } = scroller;
  scroller.scrollTo(0, Math.min(place * ROW, Math.max(scrollTop, (place + 1) * ROW - clientHeight)));
}

/** How much of the list is here. */
function told({ rows, next, read }: ItemsState["list"], reading: boolean): string {
  if (!read) return "Reading the items";
  const count = rows.length === 1 ? "1 item" : `${formatCount(rows.length)} items`;
  return next === undefined ? count : reading ? `${count} read, reading more` : `${count} read; scroll for more`;
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
