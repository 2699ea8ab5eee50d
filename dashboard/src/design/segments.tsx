// A choice of few, all of them seen.

import "./segments.css";
import { useRef, type KeyboardEvent } from "react";

import { Icon, type IconName } from "./icon.tsx";

export interface Segment<Value extends string> {
  readonly value: Value;
  readonly label: string;
  /** Shown instead of the label, which is then for people who listen. */
  readonly icon?: IconName;
}

interface SegmentsProps<Value extends string> {
  readonly label: string;
  readonly segments: readonly Segment<Value>[];
  /** `undefined` when none of them is chosen. */
  readonly value: Value | undefined;
  readonly onChange: (value: Value) => void;
}

export function Segments<Value extends string>({ label, segments, value, onChange }: SegmentsProps<Value>) {
  const group = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : event.key === "ArrowLeft" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const place = segments.findIndex((segment) => segment.value === value);
    const target = (place + step + segments.length) % segments.length;
    const next = segments[target];
    if (next === undefined) return;
    onChange(next.value);
    const button = group.current?.children[target];
    if (button instanceof HTMLElement) button.focus();
  };
  const known = segments.some((segment) => segment.value === value);
  return (
    <div className="segments" role="radiogroup" aria-label={label} ref={group} onKeyDown={onKeyDown}>
      {segments.map((segment, place) => (
        <button
          key={segment.value} type="button" role="radio" className="segments__segment" aria-checked={segment.value === value}
          aria-label={segment.icon === undefined ? undefined : segment.label} title={segment.icon === undefined ? undefined : segment.label}
          tabIndex={segment.value === value || (!known && place === 0) ? 0 : -1} onClick={() => { onChange(segment.value); }}
        >
          {segment.icon === undefined ? segment.label : <Icon name={segment.icon} />}
        </button>
      ))}
    </div>
  );
}
