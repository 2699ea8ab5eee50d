// Which status the shown items have.

import type { ItemStatus } from "@headway/client";
import { formatCount, type Counts } from "@headway/react";

const ORDER: readonly { readonly status: ItemStatus; readonly label: string; readonly always?: true }[] = [
  { status: "succeeded", label: "Succeeded", always: true },
  { status: "failed", label: "Failed", always: true },
  { status: "running", label: "Running", always: true },
  { status: "retrying", label: "Retrying" },
  { status: "queued", label: "Queued", always: true },
  { status: "skipped", label: "Skipped" },
  { status: "cancelled", label: "Cancelled" },
  { status: "expired", label: "Expired" },
];

interface StatusFilterProps {
  readonly counts: Counts | undefined;
  readonly status: ItemStatus | undefined;
  readonly onChange: (status: ItemStatus | undefined) => void;
}

export function StatusFilter({ counts, status, onChange }: StatusFilterProps) {
  const shown = ORDER.filter((choice) => choice.always === true || choice.status === status || (counts?.[choice.status] ?? 0) > 0);
  return (
    <div className="status-filter" role="group" aria-label="Items by status">
      <Choice label="All" count={counts?.total} pressed={status === undefined} onPress={() => { onChange(undefined); }} />
      {shown.map((choice) => (
        <Choice
          key={choice.status} label={choice.label} count={counts?.[choice.status]} pressed={status === choice.status}
          onPress={() => { onChange(status === choice.status ? undefined : choice.status); }}
        />
      ))}
    </div>
  );
}

function Choice({ label, count, pressed, onPress }: { readonly label: string; readonly count: number | undefined; readonly pressed: boolean; readonly onPress: () => void }) {
  return (
    <button type="button" className="status-filter__choice" aria-pressed={pressed} onClick={onPress}>
      {label}<span className="status-filter__count numbers">{count === undefined ? "" : formatCount(count, { short: true })}</span>
    </button>
  );
}
