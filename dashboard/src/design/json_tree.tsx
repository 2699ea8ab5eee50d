// A JSON value as a tree that opens and closes. All of it is text; nothing of it becomes markup.

import "./json_tree.css";
import { useState, type ReactNode } from "react";

import { Button } from "./button.tsx";

/** Members shown at first, and more with each press. */
const SHOWN_AT_ONCE = 100;
/** Characters of a text shown before it is asked for. */
const TEXT_SHOWN = 2000;

interface JsonTreeProps {
  readonly value: unknown;
  /** What it is, for people who listen. */
  readonly label: string;
  /** Levels that are open at first; two unless said. */
  readonly open?: number;
}

export function JsonTree({ value, label, open = 2 }: JsonTreeProps) {
  return <div className="json" role="group" aria-label={label}><Value name={undefined} value={value} open={open} /></div>;
}

function Value({ name, value, open }: { readonly name: string | undefined; readonly value: unknown; readonly open: number }) {
  const label = name === undefined ? null : <><span className="json__name">{name}</span>: </>;
  if (typeof value === "object" && value !== null) return <Members label={label} value={value} open={open} />;
  return <>{label}<Plain value={value} /></>;
}

function Members({ label, value, open }: { readonly label: ReactNode; readonly value: object; readonly open: number }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [shown, setShown] = useState(SHOWN_AT_ONCE);
  const isList = Array.isArray(value);
  const size = isList ? value.length : Object.keys(value).length;
  if (size === 0) return <>{label}<span className="json__size">{isList ? "[]" : "{}"}</span></>;
  return (
    <details open={isOpen} onToggle={(event) => { if (event.target === event.currentTarget) setOpen(event.currentTarget.open); }}>
      <summary>{label}<span className="json__size">{isList ? `[${size}]` : `{${size}}`}</span></summary>
      {isOpen && (
        <ul>
          {Object.entries(value as Readonly<Record<string, unknown>>).slice(0, shown).map(([member, inner]) => (
            <li key={member}><Value name={isList ? undefined : member} value={inner} open={open - 1} /></li>
          ))}
          {size > shown && (
            <li className="json__more"><Button size="small" onClick={() => { setShown(shown + 10 * SHOWN_AT_ONCE); }}>{`${size - shown} more`}</Button></li>
          )}
        </ul>
      )}
    </details>
  );
}

function Plain({ value }: { readonly value: unknown }) {
  const [whole, setWhole] = useState(false);
  if (typeof value === "number") return <span className="json__number">{String(value)}</span>;
  if (typeof value !== "string") return <span className="json__word">{String(value)}</span>;
  if (value.length <= TEXT_SHOWN || whole) return <span className="json__text">{JSON.stringify(value)}</span>;
  return (
    <>
      <span className="json__text">{JSON.stringify(value.slice(0, TEXT_SHOWN))}</span>{" "}
      <Button size="small" onClick={() => { setWhole(true); }}>{`All ${value.length} characters`}</Button>
    </>
  );
}
