// The items of a batch: which of them, one of them in full, and which are to run again.

import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import type { ItemStatus } from "@headway/client";
import { useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import type { Query } from "../../shell/route.ts";
import { reasonOf } from "../../shell/words.ts";
import { keepOnly, NOTHING, type Chosen } from "../model/chosen.ts";
import { canRunAgain } from "../model/retrying.ts";
import { ItemDetail } from "./item_detail.tsx";
import { ItemTable } from "./item_table.tsx";
import { Items, PAGE, type ItemFilter } from "./items.ts";
import { RetryChosen } from "./retry_chosen.tsx";
import { StatusFilter } from "./status_filter.tsx";

interface ItemsPanelProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly query: Query;
  readonly onQuery: (change: Readonly<Record<string, string | undefined>>) => void;
}

const STATUSES: readonly ItemStatus[] = ["queued", "running", "retrying", "succeeded", "failed", "skipped", "cancelled", "expired"];

export function ItemsPanel({ id, job, query, onQuery }: ItemsPanelProps) {
  const status = STATUSES.find((known) => known === query["status"]);
  const error = query["error"];
  const from = Math.max(0, Number.parseInt(query["from"] ?? "", 10) || 0);
  const filter = useMemo((): ItemFilter => ({ status, error, from }), [status, error, from]);
  return (
    <div className="items-panel">
      <div className="items__filters">
        <StatusFilter counts={job.items ?? undefined} status={status} onChange={(next) => { onQuery({ status: next, error: undefined, from: undefined }); }} />
        {error !== undefined && (
          <span className="items__chip">failed with <code>{error}</code>
            <Button size="small" look="quiet" icon="close" aria-label="Show all failed items" onClick={() => { onQuery({ error: undefined }); }} />
          </span>
        )}
        <GoTo key={from} from={from} total={job.items?.total ?? 0} onGo={(index) => { onQuery({ from: index === 0 ? undefined : String(index) }); }} />
      </div>
      <Listed key={`${status ?? ""} ${error ?? ""} ${from}`} id={id} job={job} filter={filter} opened={query["item"]} onOpen={(index) => { onQuery({ item: index === undefined ? undefined : String(index) }); }} />
    </div>
  );
}

interface ListedProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly filter: ItemFilter;
  readonly opened: string | undefined;
  readonly onOpen: (index: number | undefined) => void;
}

function Listed({ id, job, filter, opened, onOpen }: ListedProps) {
  const headway = useHeadway();
  const items = useMemo(() => {
    const { status, error, from } = filter;
    const query = { limit: PAGE, ...(status !== undefined && { status: [status] }), ...(error !== undefined && { error }) };
    return new Items((after, signal) => headway.batches.items(id, { ...query, after }, { signal }), from);
  }, [headway, id, filter]);
  useEffect(() => {
    items.start();
    return () => {
      items.stop();
    };
  }, [items]);
  const state = useSyncExternalStore(items.subscribe, items.getSnapshot);
  const [ticked, setTicked] = useState<Chosen>(NOTHING);
  const { rows } = state.list;
  const order = useMemo(() => rows.filter((row) => canRunAgain(row.status)).map((row) => row.index), [rows]);
  // What runs again meanwhile cannot be asked for a second time.
  const chosen = useMemo(() => keepOnly(ticked, new Set(order)), [ticked, order]);
  const index = opened === undefined ? undefined : Number.parseInt(opened, 10);
  return (
    <>
      <RetryChosen id={id} job={job} chosen={chosen} onDone={() => { setTicked(NOTHING); }} />
      {state.error !== undefined && (
        <div className="panel__body"><Banner tone="bad" actions={<Button size="small" onClick={() => void items.more()}>Try again</Button>}>{reasonOf(state.error)}</Banner></div>
      )}
      <div className="items" data-opened={index === undefined ? undefined : true}>
        <ItemTable job={job} state={state} items={items} filter={filter} chosen={chosen} onChosen={setTicked} order={order} opened={index} onOpen={onOpen} />
        {index !== undefined && Number.isFinite(index) && (
          <ItemDetail key={index} id={id} job={job} index={index} onClose={() => { onOpen(undefined); }} />
        )}
      </div>
    </>
  );
}

function GoTo({ from, total, onGo }: { readonly from: number; readonly total: number; readonly onGo: (index: number) => void }) {
  const [text, setText] = useState(from === 0 ? "" : String(from));
  if (total <= 100) return null;
  return (
    <form
      className="items__go"
      onSubmit={(event) => {
        event.preventDefault();
        const index = Number.parseInt(text, 10);
        onGo(Number.isFinite(index) ? Math.min(Math.max(0, index), total - 1) : 0);
      }}
    >
      <label className="faint" htmlFor="items-from">From item</label>
      <input id="items-from" className="input items__from numbers" inputMode="numeric" placeholder="0" value={text} onChange={(event) => { setText(event.target.value); }} />
      <Button size="small" type="submit">Go</Button>
    </form>
  );
}
