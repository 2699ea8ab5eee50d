// Parts of a page of which one is seen.

import "./tabs.css";
import { useId, useRef, type KeyboardEvent, type ReactNode } from "react";

export interface Tab<Name extends string> {
  readonly name: Name;
  readonly label: string;
  /** A number behind the label. */
  readonly count?: string | undefined;
}

interface TabsProps<Name extends string> {
  /** What the parts are parts of. */
  readonly label: string;
  readonly tabs: readonly Tab<Name>[];
  readonly selected: Name;
  readonly onSelect: (name: Name) => void;
  /** The part that is seen. */
  readonly children: ReactNode;
}

/** Arrow keys go from part to part; the part follows at once. */
export function Tabs<Name extends string>({ label, tabs, selected, onSelect, children }: TabsProps<Name>) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const place = tabs.findIndex((tab) => tab.name === selected);
    const target = event.key === "ArrowRight" ? place + 1 : event.key === "ArrowLeft" ? place - 1 : event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : undefined;
    const next = target === undefined ? undefined : tabs[(target + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next.name);
    list.current?.querySelector<HTMLElement>(`#${CSS.escape(`${id}-${next.name}`)}`)?.focus();
  };
  return (
    <div>
      <div className="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={onKeyDown}>
        {tabs.map((tab) => (
          <button
            key={tab.name} type="button" role="tab" className="tabs__tab" id={`${id}-${tab.name}`}
            aria-selected={tab.name === selected} aria-controls={`${id}-panel`} tabIndex={tab.name === selected ? 0 : -1}
            onClick={() => { onSelect(tab.name); }}
          >
            {tab.label}
            {tab.count !== undefined && <span className="tabs__count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div className="tabs__panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`} tabIndex={0}>{children}</div>
    </div>
  );
}
