// Why items fail: reasons by how often, each a filter of the items.

import { useCallback } from "react";
import { formatCount, formatPercent, useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Panel } from "../../design/page.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { reasonOf } from "../../shell/words.ts";
import { useFeed } from "../use_feed.ts";

/** The shortest time between two questions, in milliseconds. */
const EVERY_MS = 4_000;
/** Reasons that are shown. */
const LIMIT = 12;

interface ErrorGroupsPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The code whose items are shown. */
  readonly chosen: string | undefined;
  readonly onChoose: (code: string | undefined) => void;
}

export function ErrorGroupsPanel({ id, job, chosen, onChoose }: ErrorGroupsPanelProps) {
  const headway = useHeadway();
  const load = useCallback((signal: AbortSignal) => headway.batches.errors(id, { limit: LIMIT }, { signal }), [headway, id]);
  const { value, error, again } = useFeed(load, EVERY_MS, `${job.attempt} ${job.items?.failed ?? 0}`);
  // As the head of the page has it, whose count is newer than the answer here.
  const failed = job.items?.failed ?? value?.failed ?? 0;
  const most = value?.groups[0]?.count ?? 1;
  return (
    <Panel
      title="Why items failed"
      actions={value !== undefined && failed > 0 && <span className="faint numbers">{told(failed, value)}</span>}
      flush
    >
      {error !== undefined && (
        <div className="panel__body"><Banner tone="bad" actions={<Button size="small" onClick={again}>Try again</Button>}>{reasonOf(error)}</Banner></div>
      )}
      {value === undefined && error === undefined && <div className="panel__body"><Skeleton width="70%" /></div>}
      {value?.groups.length === 0 && <p className="reasons__none">{(job.items?.failed ?? 0) === 0 ? "No item has failed." : "The reasons are being counted."}</p>}
      {value !== undefined && (
        <ol className="reasons">
          {value.groups.map(({ code, message, count, retryable, examples }) => (
            <li key={`${code} ${message}`} className="reason" data-chosen={code === chosen || undefined}>
              <div className="reason__size">
                <span className="reason__count numbers">{formatCount(count)}</span>
                <span className="reason__share numbers faint">{formatPercent((100 * count) / Math.max(1, value.grouped), { digits: count * 10 < value.grouped ? 1 : 0 })}</span>
                <span className="reason__bar" aria-hidden="true"><span style={{ inlineSize: `${(100 * count) / most}%` }} /></span>
              </div>
              <div className="reason__text">
                <span className="reason__message">{message}</span>
                <span className="reason__more">
                  <code>{code}</code>
                  {retryable && <span>may pass when it is tried again</span>}
                  <span className="one-line">{`such as ${examples.map(({ index, custom_id: name }) => name ?? `item ${index}`).join(", ")}`}</span>
                </span>
              </div>
              <Button size="small" look={code === chosen ? "strong" : "quiet"} aria-pressed={code === chosen} onClick={() => { onChoose(code === chosen ? undefined : code); }}>
                {code === chosen ? "Showing" : "Show items"}<span className="unseen">{` that failed with ${code}`}</span>
              </Button>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  );
}

/** How much of it was looked at. */
function told(failed: number, { failed: asked, grouped }: { readonly failed: number; readonly grouped: number }): string {
  return grouped < asked ? `${formatCount(grouped)} of ${formatCount(failed)} failed items looked at` : `${formatCount(failed)} failed`;
}
