// One item in full: what it works on, what came of it, and running it again.

import { useCallback, useEffect, useState } from "react";
import type { Item } from "@headway/client";
import { StatusBadge, formatAmount, formatDuration, formatTime, useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { CopyButton } from "../../design/copy_button.tsx";
import { JsonTree } from "../../design/json_tree.tsx";
import { Facts } from "../../design/page.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { usePerson } from "../../shell/context.ts";
import { lacks } from "../../shell/identity.ts";
import { reasonOf } from "../../shell/words.ts";
import { canRunAgain, retryRefusal } from "../model/retrying.ts";
import { useFeed } from "../use_feed.ts";

const EVERY_MS = 2_000;

interface ItemDetailProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly index: number;
  readonly onClose: () => void;
}

export function ItemDetail({ id, job, index, onClose }: ItemDetailProps) {
  const headway = useHeadway();
  const load = useCallback(
    async (signal: AbortSignal): Promise<Item | undefined> => {
      const { items } = await headway.batches.items(id, { ...(index > 0 && { after: index - 1 }), limit: 1 }, { signal });
      return items.find((item) => item.index === index);
    },
    [headway, id, index],
  );
  const { value, error, again } = useFeed(load, EVERY_MS, job.cursor);
  useEffect(() => {
    const leave = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]") !== null) return;
      onClose();
    };
    document.addEventListener("keydown", leave);
    return () => {
      document.removeEventListener("keydown", leave);
    };
  }, [onClose]);
  return (
    <aside className="item-detail" aria-label={`Item ${index}`}>
      <div className="item-detail__head">
        <h3 dir="auto"><span className="faint">Item</span> <span className="numbers">{index}</span>{value?.custom_id != null && <bdi className="item-detail__name">{value.custom_id}</bdi>}</h3>
        <Button look="quiet" size="small" icon="close" aria-label="Close the item" onClick={onClose} />
      </div>
      <div className="item-detail__body">
        {error !== undefined && <Banner tone="bad" actions={<Button size="small" onClick={again}>Try again</Button>}>{reasonOf(error)}</Banner>}
        {value === undefined ? error === undefined && <Skeleton width="60%" /> : <Shown id={id} job={job} item={value} />}
      </div>
    </aside>
  );
}

function Shown({ id, job, item }: { readonly id: string; readonly job: JobDocument; readonly item: Item }) {
  const { error } = item;
  return (
    <>
      <div className="item-detail__status"><StatusBadge status={item.status} />{canRunAgain(item.status) && <RetryOne id={id} job={job} index={item.index} />}</div>
      {error !== undefined && error !== null && (
        <Banner tone={item.status === "failed" ? "bad" : "warn"}>
          <span className="item-detail__message">{error.message}</span>
          <span className="item-detail__code"><code>{error.code}</code>{error.retryable === true && <span className="muted">may pass when it is tried again</span>}</span>
        </Banner>
      )}
      <Facts of={[
        ["Attempts", item.attempts === 0 ? undefined : item.attempts],
        ["Started", item.started_at == null ? undefined : <time dateTime={item.started_at}>{formatTime(item.started_at)}</time>],
        ["Duration", item.duration_ms == null ? undefined : formatDuration(item.duration_ms)],
        ["Cost", item.cost == null ? undefined : formatAmount(item.cost, job.cost?.currency ?? "USD")],
      ]} />
      <Json label="Input" value={item.input} />
      {item.output !== undefined && item.output !== null && <Json label="Output" value={item.output} />}
      {error?.details !== undefined && error.details !== null && <Json label="Details of the error" value={error.details} />}
    </>
  );
}

function Json({ label, value }: { readonly label: string; readonly value: unknown }) {
  return (
    <section className="item-detail__json">
      <div className="item-detail__label"><h4>{label}</h4><CopyButton what={label.toLowerCase()} text={typeof value === "string" ? value : JSON.stringify(value, null, 2)} /></div>
      <div className="item-detail__value"><JsonTree value={value ?? null} label={label} /></div>
    </section>
  );
}

function RetryOne({ id, job, index }: { readonly id: string; readonly job: JobDocument; readonly index: number }) {
  const headway = useHeadway();
  const person = usePerson();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const unavailable = person.may("retry") ? retryRefusal(job) : lacks("control");
  const retry = async (): Promise<void> => {
    setBusy(true);
    setRefusal(undefined);
    try {
      await headway.batches.retry(id, { items: [index] });
    } catch (error) {
      setRefusal(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button size="small" icon="retry" busy={busy} unavailable={unavailable} onClick={() => void retry()}>Retry this item</Button>
      {unavailable !== undefined && <p className="item-detail__why faint">{unavailable}</p>}
      {refusal !== undefined && <p className="item-detail__why field__error" role="alert">{reasonOf(refusal)}</p>}
    </>
  );
}
