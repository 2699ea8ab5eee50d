// All jobs that whoever is signed in may see, as they move.

import "./jobs.css";
import { useCallback } from "react";
import { formatCount } from "@headway/react";

import { Button } from "../design/button.tsx";
import { Page, useWindowTitle } from "../design/page.tsx";
import { useQuery } from "../shell/place.ts";
import { FilterBar, type ChangeFilter } from "./list/filter_bar.tsx";
import { isOpen, readFilter } from "./list/filter.ts";
import { COLUMNS, JobRows } from "./list/job_rows.tsx";
import { NoJobsYet, NothingFits } from "./list/no_jobs.tsx";
import { useFeed } from "./list/use_feed.ts";

export function JobsPage() {
  useWindowTitle("Jobs");
  const [query, setQuery] = useQuery();
  const filter = readFilter(query);
  const [feed, view] = useFeed(filter);
  const change: ChangeFilter = useCallback((members) => {
    window.scrollTo(0, 0);
    setQuery(members);
  }, [setQuery]);
  const clear = (): void => { change({ status: undefined, kind: undefined, tag: undefined, session: undefined, text: undefined }); };
  const toNew = (): void => {
    window.scrollTo(0, 0);
    feed.release();
  };
  return (
    <Page>
      <h1 className="unseen">Jobs</h1>
      <div className="jobs-tools">
        <FilterBar filter={filter} onChange={change} />
        <div className="jobs-columns" aria-hidden="true">
          {COLUMNS.map(({ cell, title }) => <span key={cell} data-cell={cell}>{title}</span>)}
        </div>
        {view.waiting > 0 && <div className="jobs-new"><Button look="strong" icon="up" heir=".job-row__link" onClick={toNew}>{`${formatCount(view.waiting)} new`}</Button></div>}
        <span className="unseen" role="status">{view.waiting > 0 ? `${view.waiting} new jobs at the top` : ""}</span>
      </div>
      <JobRows feed={feed} view={view} onFilter={change} empty={isOpen(filter) ? <NoJobsYet /> : <NothingFits onClear={clear} />} />
    </Page>
  );
}
