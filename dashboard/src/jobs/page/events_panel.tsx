// Every event as it is kept, in words and as JSON.

import { useState } from "react";
import { formatTime, useHeadway } from "@headway/react";

import { Button } from "../../design/button.tsx";
import { JsonTree } from "../../design/json_tree.tsx";
import { useNotify } from "../../shell/context.ts";
import { counted, reasonOf } from "../../shell/words.ts";
import { describeEvent } from "./event_words.ts";
import type { Older, PastEvent } from "./history.ts";

/** Events that are drawn, newest first; more with each press. */
const DRAWN = 200;

interface EventsPanelProps {
  readonly job: string;
  readonly events: readonly PastEvent[];
  /** What reads those before them; `undefined` where there are none. */
  readonly older: Older | undefined;
}

export function EventsPanel({ job, events, older }: EventsPanelProps) {
  const [drawn, setDrawn] = useState(DRAWN);
  const newest = keyed(events.slice(-drawn)).reverse();
  const hides = events.length > drawn;
  return (
    <>
      <div className="panel-tools">
        <span className="muted">Newest first</span>
        <span className="panel-tools__end">{counted(events.length, "event")}</span>
        <SaveButton job={job} />
      </div>
      <div className="event-list">
        {newest.map(({ key, event }) => <EventLine key={key} event={event} />)}
      </div>
      {(hides || older !== undefined) && (
        <p className="jobs-end">
          <Button
            heir={`.event-list details:nth-child(${newest.length + 1}) summary`} busy={!hides && older?.busy === true} onClick={hides ? () => { setDrawn(drawn + 5 * DRAWN); } : older?.read}
          >
            {hides ? "Show older" : "Read older"}
          </Button>
        </p>
      )}
    </>
  );
}

/** Events with a key each: those of one report that came live have one position. */
function keyed(events: readonly PastEvent[]): { readonly key: string; readonly event: PastEvent }[] {
  let [before, times] = ["", 0];
  return events.map((event) => {
    times = event.cursor === before ? times + 1 : 0;
    before = event.cursor;
    return { key: `${event.cursor} ${times}`, event };
  });
}

function EventLine({ event }: { readonly event: PastEvent }) {
  const [open, setOpen] = useState(false);
  const words = describeEvent(event);
  const at = typeof event.at === "string" ? event.at : undefined;
  return (
    <details data-tone={words?.tone} onToggle={(toggled) => { if (toggled.target === toggled.currentTarget) setOpen(toggled.currentTarget.open); }}>
      <summary>
        <time dateTime={at} title={at === undefined ? undefined : formatTime(at, { show: "all" })}>{at === undefined ? "" : formatTime(at, { show: "time" })}</time>
        <span className="event-list__what">{words?.what ?? String(event.type)}</span>
        <span className="event-list__text"><bdi>{words?.text}</bdi></span>
      </summary>
      {open && <div className="event-list__json"><JsonTree value={event} label="The event" /></div>}
    </details>
  );
}

/** Saves the whole history as JSON Lines; a link could not ask for them. */
function SaveButton({ job }: { readonly job: string }) {
  const client = useHeadway();
  const notify = useNotify();
  const [busy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      const lines: string[] = [];
      for await (const event of client.jobs.events(job, { limit: 1000 })) lines.push(`${JSON.stringify(event)}\n`);
      const address = URL.createObjectURL(new Blob(lines, { type: "application/x-ndjson" }));
      const link = document.createElement("a");
      link.href = address;
      link.download = `${job}-events.jsonl`;
      link.click();
      URL.revokeObjectURL(address);
    } catch (error) {
      notify({ tone: "bad", text: `The events could not be saved. ${reasonOf(error)}` });
    }
    setBusy(false);
  };
  return <Button size="small" icon="download" busy={busy} onClick={() => void save()}>JSON Lines</Button>;
}
