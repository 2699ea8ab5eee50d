// The rows that are in sight, of as many as there are.

import { Fragment, useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { formatCount, useJob } from "@headway/react";

import { Button } from "../../design/button.tsx";
import { Banner } from "../../design/banner.tsx";
import { useKeys } from "../../shell/shortcuts.tsx";
import type { FeedView, JobFeed } from "./feed.ts";
import { JobRowView } from "./job_row_view.tsx";
import { SkeletonRows } from "./skeleton_rows.tsx";
import { Slots } from "./slots.ts";

/** What a row tells, for people who listen. */
export const COLUMNS = [
  { cell: "status", title: "Status" }, { cell: "main", title: "Job" }, { cell: "kind", title: "Kind" },
  { cell: "progress", title: "Progress" }, { cell: "duration", title: "Duration" }, { cell: "created", title: "Created" },
] as const;

const ROW = 60;
const NARROW_ROW = 84;
/** Rows before the end at which the next page is read. */
const AHEAD = 30;
/** Pixels scrolled from which on the list is held. */
const TOP = 40;

interface JobRowsProps {
  readonly feed: JobFeed;
  readonly view: FeedView;
  readonly onFilter: (filter: { readonly kind?: string; readonly tag?: string }) => void;
  /** What is shown when there is nothing. */
  readonly empty: ReactNode;
}

export function JobRows({ feed, view, onFilter, empty }: JobRowsProps) {
  const narrow = useNarrow();
  const size = narrow ? NARROW_ROW : ROW;
  const box = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    setMargin((box.current?.getBoundingClientRect().top ?? 0) + window.scrollY);
  }, [view.begun, narrow]);
  const { rows } = view;
  const virtualizer = useWindowVirtualizer({ count: rows.length, estimateSize: () => size, overscan: 8, scrollMargin: margin });
  useEffect(() => { virtualizer.measure(); }, [virtualizer, size]);

  const items = virtualizer.getVirtualItems();
  const [slots] = useState(() => new Slots());
  const drawn = items.flatMap(({ index, start }) => {
    const row = rows[index];
    return row === undefined ? [] : [{ row, index, start }];
  });
  const keys = slots.of(drawn.map(({ row }) => row.id));
  const last = items.at(-1)?.index ?? -1;
  const wantsMore = view.begun && !view.complete && !view.loading && !view.paused && view.error === undefined && last >= rows.length - AHEAD;
  useEffect(() => {
    if (wantsMore) void feed.more();
  }, [feed, wantsMore, view]);

  // Whoever reads further down is not moved.
  useEffect(() => {
    const onScroll = (): void => { feed.hold(window.scrollY > TOP); };
    onScroll();
    window.addEventListener("scroll", onScroll, { passive: true });
    return () => { window.removeEventListener("scroll", onScroll); };
  }, [feed]);

  const focusRow = useCallback((place: number) => {
    const row = () => box.current?.querySelector<HTMLElement>(`.job-row__link[data-place="${place}"]`);
    const present = row();
    present?.focus();
    if (present !== null && present !== undefined) return;
    // One out of sight is there after the next drawing.
    virtualizer.scrollToIndex(place, { align: "center" });
    requestAnimationFrame(() => { requestAnimationFrame(() => { row()?.focus(); }); });
  }, [virtualizer]);
  useKeys((key) => {
    const step = key === "j" || key === "ArrowDown" ? 1 : key === "k" || key === "ArrowUp" ? -1 : 0;
    if (step === 0 || rows.length === 0) return false;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["place"] : undefined;
    // Without a row to begin from, arrows scroll.
    if (focused === undefined && key.startsWith("Arrow")) return false;
    const from = focused === undefined ? (virtualizer.range?.startIndex ?? 0) - 1 : Number(focused);
    focusRow(Math.min(rows.length - 1, Math.max(0, from + step)));
    return true;
  });

  if (!view.begun && view.error === undefined) return <SkeletonRows count={12} />;
  const end = <ListEnd feed={feed} view={view} />;
  if (rows.length === 0) return <>{view.complete ? empty : end}</>;
  return (
    <>
      <div role="table" aria-label="Jobs, newest first" aria-rowcount={view.complete ? rows.length + 1 : -1} aria-busy={view.loading}>
        <div className="unseen" role="rowgroup">
          <div role="row" aria-rowindex={1}>{COLUMNS.map(({ cell, title }) => <span key={cell} role="columnheader">{title}</span>)}</div>
        </div>
        <div className="jobs-rows" ref={box} role="rowgroup" style={{ blockSize: virtualizer.getTotalSize() }}>
          {drawn.map(({ row, index, start }, place) => (
            <Fragment key={keys[place]}>
              {view.inSight && <RowWatch key={row.id} id={row.id} feed={feed} />}
              <JobRowView row={row} place={index} top={start - margin} onFilter={onFilter} />
            </Fragment>
          ))}
        </div>
      </div>
      {end}
    </>
  );
}

/** Watches one row where not everything is watched. */
function RowWatch({ id, feed }: { readonly id: string; readonly feed: JobFeed }) {
  const { job } = useJob(id, { minIntervalMs: 500 });
  useEffect(() => {
    if (job !== undefined) feed.take(job);
  }, [job, feed]);
  return null;
}

function ListEnd({ feed, view }: { readonly feed: JobFeed; readonly view: FeedView }) {
  const more = (): void => { void feed.more(); };
  const looked = view.looked === 0 ? "" : `Looked through ${formatCount(view.looked)} jobs. `;
  if (view.error !== undefined) {
    return <div className="jobs-end"><Banner tone="bad" title="The list could not be read" actions={<Button size="small" icon="retry" onClick={more}>Try again</Button>}>{view.error}</Banner></div>;
  }
  if (view.loading) return view.rows.length === 0 || view.looked > 0 ? <div className="jobs-end" role="status">{looked === "" ? "Reading…" : `${looked}Looking further…`}</div> : <SkeletonRows count={2} />;
  if (view.complete) {
    return <p className="jobs-end">{view.rows.length < 20 ? "" : `That is all: ${formatCount(view.rows.length)} jobs.`}</p>;
  }
  if (!view.paused) return <SkeletonRows count={2} />;
  return (
    <div className="jobs-end">
      <span role="status">{view.rows.length === 0 ? `${looked}None of them fits.` : `${looked}There are older ones.`}</span>
      <Button onClick={more}>Look further</Button>
    </div>
  );
}

function useNarrow(): boolean {
  const [narrow, setNarrow] = useState(() => window.matchMedia("(max-width: 640px)").matches);
  useEffect(() => {
    const media = window.matchMedia("(max-width: 640px)");
    const listen = (): void => { setNarrow(media.matches); };
    media.addEventListener("change", listen);
    return () => { media.removeEventListener("change", listen); };
  }, []);
  return narrow;
}
