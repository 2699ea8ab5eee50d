// What a job's past is moved by: an axis of time with its marks, and buttons to play it.

import "./replay.css";
import type { CSSProperties, KeyboardEvent } from "react";
import type { JobStatus } from "@headway/client";
import { formatCount, formatDuration, formatTime } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Select } from "../../design/field.tsx";
import { Segments, type Segment } from "../../design/segments.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { toneOf } from "../../design/tone.ts";
import { useKeys } from "../../shell/shortcuts.tsx";
import type { Mark } from "./marks.ts";
import type { Past, PastView } from "./past.ts";
import type { Speed } from "./player.ts";

const SPEEDS: readonly Segment<`${Speed}`>[] = [
  { value: "1", label: "1×" }, { value: "4", label: "4×" }, { value: "16", label: "16×" }, { value: "fit", label: "Fit" },
];

interface ReplayBarProps {
  readonly past: Past | undefined;
  readonly view: PastView | undefined;
  /** Back to the present. */
  readonly onLive: () => void;
}

export function ReplayBar({ past, view, onLive }: ReplayBarProps) {
  useKeys((key, event) => {
    if (event.target instanceof HTMLElement && event.target.matches("button, a, summary, [role=tab], [role=radio], [data-step]")) return false;
    if (key === " ") past?.toggle();
    else if (key === "ArrowLeft") past?.step(-1);
    else if (key === "ArrowRight") past?.step(1);
    else return false;
    return true;
  });
  return (
    <section className="replay" aria-label="Replay">
      {past === undefined || view?.from === undefined || view.to === undefined
        ? <Waiting view={view} onLive={onLive} onAgain={() => void past?.read()} />
        : <Controls past={past} view={view} from={view.from} to={view.to} onLive={onLive} />}
    </section>
  );
}

function Waiting({ view, onLive, onAgain }: { readonly view: PastView | undefined; readonly onLive: () => void; readonly onAgain: () => void }) {
  if (view?.error !== undefined) {
    return <Banner tone="bad" title="The past could not be read" actions={<><Button size="small" onClick={onAgain}>Try again</Button><Button size="small" heir="[data-name=replay]" onClick={onLive}>Live</Button></>}>{view.error}</Banner>;
  }
  if (view !== undefined && !view.reading) return <div className="replay__line"><span>The log holds nothing to replay.</span><span className="replay__end"><Button heir="[data-name=replay]" onClick={onLive}>Live</Button></span></div>;
  return (
    <div role="status" aria-label="Reading the past">
      <div className="replay__line"><Skeleton width={32} height={32} /><Skeleton width={200} /><span className="replay__end"><Button heir="[data-name=replay]" onClick={onLive}>Live</Button></span></div>
      <div className="replay__axis"><Skeleton width="100%" height={4} /></div>
    </div>
  );
}

/** All speeds where there is room for them, else the chosen one. */
function Speeds({ past, speed }: { readonly past: Past; readonly speed: Speed }) {
  const choose = (value: string): void => {
    const chosen = SPEEDS.find((segment) => segment.value === value)?.value;
    if (chosen !== undefined) past.setSpeed(chosen === "fit" ? "fit" : (Number(chosen) as 1 | 4 | 16));
  };
  return (
    <>
      <div className="replay__speeds"><Segments label="Speed" segments={SPEEDS} value={`${speed}`} onChange={choose} /></div>
      <div className="replay__speed">
        <Select aria-label="Speed" value={speed} onChange={(event) => { choose(event.target.value); }}>
          {SPEEDS.map(({ value, label }) => <option key={value} value={value}>{label}</option>)}
        </Select>
      </div>
    </>
  );
}

interface ControlsProps {
  readonly past: Past;
  readonly view: PastView;
  readonly from: number;
  readonly to: number;
  readonly onLive: () => void;
}

function Controls({ past, view, from, to, onLive }: ControlsProps) {
  const span = Math.max(1, to - from);
  const share = (moment: number): string => `${(100 * (moment - from)) / span}%`;
  const onKeyDown = (event: KeyboardEvent) => {
    const direction = event.key === "ArrowLeft" || event.key === "ArrowDown" ? -1 : event.key === "ArrowRight" || event.key === "ArrowUp" ? 1 : undefined;
    if (event.key === " ") past.toggle();
    else if (direction !== undefined) past.step(direction);
    else return;
    event.preventDefault();
  };
  const said = `${formatTime(view.at, { show: "time" })}, ${formatDuration(view.at - from)} after the beginning`;
  return (
    <>
      <div className="replay__line">
        <Button look="strong" icon={view.playing ? "pause" : "play"} aria-label={view.playing ? "Pause the replay" : "Play the replay"} onClick={() => { past.toggle(); }} />
        <Button look="quiet" icon="left" aria-label="One change back" onClick={() => { past.step(-1); }} />
        <Button look="quiet" icon="right" aria-label="One change forward" onClick={() => { past.step(1); }} />
        <span className="replay__moment">
          <b title={formatTime(view.at, { show: "all" })}>
            <span className="replay__whole">{formatTime(view.at)}</span>
            <span className="replay__short">{formatTime(view.at, { show: "time" })}</span>
          </b>
          <span className="muted">{`${formatDuration(view.at - from)} of ${formatDuration(span)}`}</span>
        </span>
        <Speeds past={past} speed={view.speed} />
        <span className="replay__end">
          <span className="replay__note numbers">{`${formatCount(view.records)} changes`}</span>
          <Button icon="clock" heir="[data-name=replay]" onClick={onLive}>Live</Button>
        </span>
      </div>
      <div className="replay__axis">
        <Marks marks={view.marks} share={share} />
        <input
          type="range" aria-label="Moment" aria-valuetext={said} min={from} max={to} step={1} value={view.at} style={{ "--replay-share": share(view.at) } as CSSProperties}
          onChange={(event) => { past.seek(Number(event.target.value)); }} onKeyDown={onKeyDown}
        />
      </div>
      <Notes past={past} view={view} />
    </>
  );
}

function Marks({ marks, share }: { readonly marks: readonly Mark[]; readonly share: (moment: number) => string }) {
  return (
    <div className="replay__marks" aria-hidden="true">
      {marks.map(({ at, what, text, status }, place) => (
        <span key={place} className="replay__mark" data-what={what} data-tone={status === undefined ? undefined : (toneOf(status as JobStatus) as string | undefined)} style={{ insetInlineStart: share(at) }} title={`${formatTime(at, { show: "time" })} ${text}`} />
      ))}
    </div>
  );
}

function Notes({ past, view }: { readonly past: Past; readonly view: PastView }) {
  return (
    <>
      {!view.whole && <p className="replay__note">The log has forgotten its beginning. What changed before {formatTime(view.from ?? 0)} is shown as it is now.</p>}
      {view.error !== undefined && <p className="replay__note">Not everything could be read: {view.error} <Button size="small" onClick={() => void past.read()}>Try again</Button></p>}
      {!view.complete && !view.reading && view.error === undefined && (
        <p className="replay__note">These are the first {formatCount(view.records)} changes; the log is longer. <Button size="small" onClick={() => { past.more(); }}>Read further</Button></p>
      )}
      {!view.complete && view.reading && <p className="replay__note" role="status">Reading further…</p>}
    </>
  );
}
