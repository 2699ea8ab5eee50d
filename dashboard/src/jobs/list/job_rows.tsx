// The rows that are in sight, of as many as there are.

import { Fragment, useCallback, useEffect, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { formatCount, useJob } from "@headway/react";

import { Button } from "../../design/button.tsx";
import { Banner } from "../../design/banner.tsx";
import { useRowsInSight } from "../../design/rows_in_sight.ts";
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
/** Rows that are drawn above and below those in sight. */
const SPARE = 8;
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
  const { first, from, to } = useRowsInSight(window, { count: rows.length, size, spare: SPARE, above: margin });
  const [slots] = useState(() => new Slots());
  const drawn = rows.slice(from, to);
  const keys = slots.of(drawn.map(({ id }) => id));
  const wantsMore = view.begun && !view.complete && !view.loading && !view.paused && view.error === undefined && to > rows.length - AHEAD;
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
    window.scrollTo(0, margin + place * size - (window.innerHeight - size) / 2);
    requestAnimationFrame(() => { requestAnimationFrame(() => { row()?.focus(); }); });
  }, [margin, size]);
  useKeys((key) => {
    const step = key === "j" || key === "ArrowDown" ? 1 : key === "k" || key === "ArrowUp" ? -1 : 0;
    if (step === 0 || rows.length === 0) return false;
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["place"] : undefined;
    // Without a row to begin from, arrows scroll.
    if (focused === undefined && key.startsWith("Arrow")) return false;
    const from = focused === undefined ? first - 1 : Number(focused);
    focusRow(Math.min(rows.length - 1, Math.max(0, from + step)));
    return true;
  });

  if (!view.begun && view.error === undefined) return <SkeletonRows count={12} />;
  // Also while rows are read, for what was pressed there passes the focus on to it.
  const end = <div className="jobs-foot" tabIndex={-1}><ListEnd feed={feed} view={view} /></div>;
  if (rows.length === 0) return <>{view.complete ? empty : end}</>;
  return (
    <>
      <div role="table" aria-label="Jobs, newest first" aria-rowcount={view.complete ? rows.length + 1 : -1} aria-busy={view.loading}>
        <div className="unseen" role="rowgroup">
          <div role="row" aria-rowindex={1}>{COLUMNS.map(({ cell, title }) => <span key={cell} role="columnheader">{title}</span>)}</div>
        </div>
        <div className="jobs-rows" ref={box} role="rowgroup" style={{ blockSize: rows.length * size }}>
          {drawn.map((row, place) => (
            <Fragment key={keys[place]}>
              {view.inSight && <RowWatch key={row.id} id={row.id} feed={feed} />}
              <JobRowView row={row} place={from + place} top={(from + place) * size} onFilter={onFilter} />
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
    return <div className="jobs-end"><Banner tone="bad" title="The list could not be read" actions={<Button size="small" icon="retry" heir=".jobs-foot" onClick={more}>Try again</Button>}>{view.error}</Banner></div>;
  }
  if (view.loading && !view.paused) return view.rows.length === 0 || view.looked > 0 ? <div className="jobs-end" role="status">{looked === "" ? "Reading…" : `${looked}Looking further…`}</div> : <SkeletonRows count={2} />;
  if (view.complete) {
    return <p className="jobs-end">{view.rows.length < 20 ? "" : `That is all: ${formatCount(view.rows.length)} jobs.`}</p>;
  }
  if (!view.paused) return <SkeletonRows count={2} />;
  return (
    <div className="jobs-end">
      <span role="status">{view.loading ? `${looked}Looking further…` : view.rows.length === 0 ? `${looked}None of them fits.` : `${looked}There are older ones.`}</span>
      <Button busy={view.loading} heir=".jobs-foot" onClick={more}>Look further</Button>
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
