// One row.

import { memo, type CSSProperties } from "react";
import { formatCount, formatPercent, ProgressBar, StatusBadge } from "@headway/react";

import { Ago, Elapsed } from "../../design/time.tsx";
import { toneOf } from "../../design/tone.ts";
import { hrefToJob } from "../../shell/route.ts";
import type { JobRow } from "./row.ts";

interface JobRowViewProps {
  readonly row: JobRow;
  /** Its place in the list, from 0. */
  readonly place: number;
  readonly top: number;
  readonly onFilter: (filter: { readonly kind?: string; readonly tag?: string }) => void;
}

/** The whole row is the link; kind and tags filter the list. */
export const JobRowView = memo(function JobRowView({ row, place, top, onFilter }: JobRowViewProps) {
  const style: CSSProperties = { transform: `translateY(${top}px)` };
  const title = row.name ?? row.id;
  // A batch that came to its end is not therefore one in which all went well.
  const failed = row.items?.failed ?? 0;
  return (
    <div className="job-row" role="row" aria-rowindex={place + 2} data-tone={toneOf(row.status)} style={style}>
      <span role="cell" data-cell="status"><StatusBadge status={row.status} stalled={row.stalled} /></span>
      <div className="job-row__main" role="cell" data-cell="main">
        {/* A row is taken over by another job; what has the focus is not. */}
        <a key={row.id} className="job-row__link one-line" href={hrefToJob(row)} data-place={place}><bdi>{title}</bdi></a>
        <span className="job-row__under">
          {row.name !== undefined && <span className="job-row__id one-line mono">{row.id}</span>}
          {row.note !== undefined && <span className="job-row__note one-line" title={row.note}><bdi>{row.note}</bdi></span>}
          {row.note === undefined && failed > 0 && <span className="job-row__note one-line numbers" data-tone="warn">{`${formatCount(failed)} of ${formatCount(row.items?.total ?? 0)} items failed`}</span>}
          {row.tags.map((tag) => (
            <button key={tag} type="button" className="job-row__tag one-line" tabIndex={-1} title={`Only jobs with the tag ${tag}`} onClick={() => { onFilter({ tag }); }}>{tag}</button>
          ))}
        </span>
      </div>
      <span role="cell" data-cell="kind">
        <button type="button" className="job-row__kind one-line" tabIndex={-1} title={`Only jobs of the kind ${row.kind}`} onClick={() => { onFilter({ kind: row.kind }); }}>{row.kind}</button>
      </span>
      <span role="cell" data-cell="progress" className="job-row__progress"><Progress row={row} title={title} /></span>
      <span role="cell" data-cell="duration" className="job-row__time">{row.started !== undefined && <Elapsed since={row.started} until={row.finished} />}</span>
      <span role="cell" data-cell="created" className="job-row__time"><Ago at={row.created} /></span>
    </div>
  );
});

function Progress({ row, title }: { readonly row: JobRow; readonly title: string }) {
  const { status, stalled, percent } = row;
  if (percent === undefined && status !== "running") return null;
  const progress = percent === undefined ? {} : { percent };
  return (
    <>
      <ProgressBar job={{ status, stalled, progress }} label={`Progress of ${title}`} />
      <span>{percent === undefined ? "" : formatPercent(percent)}</span>
    </>
  );
}
