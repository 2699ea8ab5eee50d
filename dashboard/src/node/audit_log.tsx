// Who did what: sign-ins, keys, tokens, revocations and commands, newest first.

import { useCallback, useState } from "react";
import type { AuditEntry } from "@headway/client";
import { formatTime, useHeadway } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Select } from "../design/field.tsx";
import { Panel } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { Table, type Column } from "../design/table.tsx";
import { hrefTo } from "../shell/route.ts";
import { usePaged } from "./paged.ts";

const KINDS = ["sign_in", "sign_out", "job.cancel", "job.pause", "job.resume", "job.retry", "key.create", "key.revoke", "token.create", "revoke", "webhook.replay"];

const COLUMNS: readonly Column<AuditEntry>[] = [
  { title: "When", cell: ({ at }) => <time dateTime={at} className="numbers" title={formatTime(at, { show: "all" })}>{formatTime(at)}</time> },
  { title: "Who", cell: ({ owner, credential }) => (owner === undefined || owner === null ? <span className="muted">nobody</span> : <>{owner.subject ?? credential ?? "somebody"} <span className="muted">{owner.tenant}</span></>) },
  { title: "What", cell: ({ what }) => <code>{what}</code> },
  { title: "To what", cell: ({ what, target }) => (target === undefined || target === null ? "" : what.startsWith("job.") ? <a href={hrefTo({ name: "job", id: target })}><code>{target}</code></a> : <code>{target}</code>) },
  { title: "Outcome", cell: ({ outcome, times }) => <>{outcome}{times !== undefined && times > 1 && <span className="muted"> × {times}</span>}</> },
  { title: "Address", cell: ({ address }) => <span className="muted">{address}</span> },
];

export function AuditLog() {
  const client = useHeadway();
  const [what, setWhat] = useState("");
  const read = useCallback(async (before: string | undefined, signal: AbortSignal) => {
    const page = await client.audit.list({ before, limit: 50, what: what === "" ? undefined : what }, { signal });
    return { entries: page.entries, next: page.next ?? undefined };
  }, [client, what]);
  const { entries, loading, error, forbidden, more, again } = usePaged(read);
  if (forbidden) return <Empty icon="key" title="The audit log is for administrators">Your sign-in has no scope <code>admin</code>.</Empty>;
  return (
    <Panel
      title="Audit log" flush
      actions={(
        <div className="panel-tools">
          <Select aria-label="What" value={what} onChange={(event) => { setWhat(event.target.value); }}>
            <option value="">Everything</option>
            {KINDS.map((kind) => <option key={kind} value={kind}>{kind}</option>)}
          </Select>
          <Button look="quiet" icon="retry" aria-label="Read again" onClick={again} />
        </div>
      )}
    >
      {error !== undefined && <div className="panel__body"><Banner tone="bad" actions={<Button size="small" onClick={again}>Try again</Button>}>{error}</Banner></div>}
      {entries.length > 0 && <Table caption="Audit log, newest first" columns={COLUMNS} rows={entries} rowKey={({ id }) => id} folds />}
      {entries.length === 0 && error === undefined && (loading ? <div className="panel__body"><Skeleton width="100%" height={160} /></div> : <Empty icon="log" title="Nothing is written down yet">Sign-ins, keys, tokens and commands are.</Empty>)}
      {more !== undefined && <div className="node-more"><Button busy={loading} heir={`tbody tr:nth-child(${entries.length + 1})`} onClick={more}>Show older</Button></div>}
    </Panel>
  );
}
