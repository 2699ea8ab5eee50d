// Webhooks that could not be delivered.

import { useCallback, useState } from "react";
import type { DeadLetter, DeadReason } from "@headway/client";
import { formatTime, useHeadway } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Panel } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { Table, type Column } from "../design/table.tsx";
import { useNotify, useQuestion } from "../shell/context.ts";
import { hrefTo } from "../shell/route.ts";
import { reasonOf } from "../shell/words.ts";
import { usePaged } from "./paged.ts";

const REASONS: Readonly<Record<DeadReason, string>> = {
  exhausted: "every attempt failed", gone: "the receiver wants no more", address_refused: "the address is not allowed", no_secret: "there is no secret to sign with",
};

export function DeadLetters() {
  const client = useHeadway();
  const notify = useNotify();
  const ask = useQuestion();
  const [busy, setBusy] = useState<string | undefined>(undefined);
  const read = useCallback(async (after: string | undefined, signal: AbortSignal) => {
    const page = await client.deadLetters.list({ after, limit: 50 }, { signal });
    return { entries: page.dead_letters, next: page.next ?? undefined };
  }, [client]);
  const { entries, loading, error, forbidden, more, again } = usePaged(read);
  const act = async (name: string, does: () => Promise<string>) => {
    setBusy(name);
    try {
      notify({ tone: "good", text: await does() });
    } catch (refusal) {
      notify({ tone: "bad", text: reasonOf(refusal) });
    }
    setBusy(undefined);
    again();
  };
  const remove = async ({ id, event, job }: DeadLetter) => {
    const answer = await ask({ title: "Remove this delivery?", text: `That ${job} ${event.replaceAll("_", " ")} is then never told to its receiver.`, yes: "Remove", no: "Keep it", danger: true });
    if (answer !== undefined) await act(id, async () => { await client.deadLetters.remove(id); return "The delivery was removed."; });
  };
  const columns: readonly Column<DeadLetter>[] = [
    { title: "Event", cell: ({ event, created_at: at }) => <>{event.replaceAll("_", " ")}<br /><span className="muted numbers">{formatTime(at)}</span></> },
    { title: "Job", cell: ({ job }) => <a href={hrefTo({ name: "job", id: job })}><code>{job}</code></a> },
    { title: "To", cell: ({ url }) => <code>{url}</code> },
    { title: "Why", cell: ({ reason, last_error: why, attempts }) => <>{REASONS[reason]}<br /><span className="muted">{why} · {attempts === 1 ? "1 attempt" : `${attempts} attempts`}</span></> },
    {
      title: "Actions", titleUnseen: true, align: "end",
      cell: (letter) => (
        <>
          <Button size="small" icon="retry" busy={busy === letter.id} onClick={() => void act(letter.id, async () => { await client.deadLetters.replay(letter.id); return "The delivery is sent again."; })}>Send again</Button>{" "}
          <Button size="small" look="quiet" icon="trash" aria-label={`Remove the delivery of ${letter.event} of ${letter.job}`} onClick={() => void remove(letter)} />
        </>
      ),
    },
  ];
  if (forbidden) return <Empty icon="key" title="Dead letters are for administrators">Your sign-in has no scope <code>admin</code>.</Empty>;
  return (
    <Panel
      title="Webhooks that could not be delivered" flush
      actions={entries.length > 0 && <Button size="small" icon="retry" busy={busy === "all"} onClick={() => void act("all", async () => { const { replayed } = await client.deadLetters.replayAll(); return replayed === 1 ? "1 delivery is sent again." : `${replayed} deliveries are sent again.`; })}>Send all again</Button>}
    >
      {error !== undefined && <div className="panel__body"><Banner tone="bad" actions={<Button size="small" onClick={again}>Try again</Button>}>{error}</Banner></div>}
      {entries.length > 0 && <Table caption="Dead letters, oldest first" columns={columns} rows={entries} rowKey={({ id }) => id} folds />}
      {entries.length === 0 && error === undefined && (loading ? <div className="panel__body"><Skeleton width="100%" height={120} /></div> : <Empty icon="check" title="Every webhook was delivered">One that cannot be is kept here, to be sent again.</Empty>)}
      {more !== undefined && <div className="node-more"><Button busy={loading} heir={`tbody tr:nth-child(${entries.length + 1})`} onClick={more}>Show more</Button></div>}
    </Panel>
  );
}
