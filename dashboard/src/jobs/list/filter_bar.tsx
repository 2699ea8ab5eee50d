// What the list is narrowed by: words, a group of statuses, a kind, a tag, a session.

import { useEffect, useRef, useState } from "react";

import { Button } from "../../design/button.tsx";
import { Field, Input } from "../../design/field.tsx";
import { Icon } from "../../design/icon.tsx";
import { Menu } from "../../design/menu.tsx";
import { Key } from "../../design/page.tsx";
import { Segments, type Segment } from "../../design/segments.tsx";
import { useKeys } from "../../shell/shortcuts.tsx";
import { STATUS_GROUPS, type JobsFilter, type StatusGroup } from "./filter.ts";

export type ChangeFilter = (change: { readonly [Name in keyof JobsFilter]?: string | undefined }) => void;

const SEGMENTS: readonly Segment<StatusGroup | "all">[] = [
  { value: "all", label: "All" },
  { value: "active", label: STATUS_GROUPS.active.label },
  { value: "completed", label: STATUS_GROUPS.completed.label },
  { value: "failed", label: STATUS_GROUPS.failed.label },
];
/** How long nothing is typed before it is looked for, in milliseconds. */
const TYPED_MS = 250;
/** As many characters as the server looks for. */
const LONGEST = 256;

interface FilterBarProps {
  readonly filter: JobsFilter;
  readonly onChange: ChangeFilter;
}

export function FilterBar({ filter, onChange }: FilterBarProps) {
  const chips = [["kind", filter.kind], ["tag", filter.tag], ["session", filter.session]] as const;
  return (
    <>
      <div className="jobs-tools__line">
        <Search text={filter.text ?? ""} onChange={(text) => { onChange({ text }); }} />
        <Segments label="Status" segments={SEGMENTS} value={filter.status ?? "all"} onChange={(value) => { onChange({ status: value === "all" ? undefined : value }); }} />
        <Menu label="Filter" icon="filter" look="plain" align="start" content="Filter">
          {(close) => <FilterForm filter={filter} onChange={(change) => { onChange(change); close(); }} />}
        </Menu>
        {chips.map(([name, value]) => value !== undefined && (
          <span className="chip" key={name}>
            <span className="chip__text"><span className="muted">{name}</span> {value}</span>
            <Button heir=".jobs-search input" look="quiet" size="small" icon="close" aria-label={`Remove the filter for ${name} ${value}`} onClick={() => { onChange({ [name]: undefined }); }} />
          </span>
        ))}
        {filter.status !== undefined && !SEGMENTS.some(({ value }) => value === filter.status) && (
          <span className="chip">
            <span className="chip__text"><span className="muted">status</span> {STATUS_GROUPS[filter.status].label}</span>
            <Button heir=".jobs-search input" look="quiet" size="small" icon="close" aria-label="Remove the filter for the status" onClick={() => { onChange({ status: undefined }); }} />
          </span>
        )}
      </div>
    </>
  );
}

function Search({ text, onChange }: { readonly text: string; readonly onChange: (text: string) => void }) {
  const [typed, setTyped] = useState(text);
  const [known, setKnown] = useState(text);
  const field = useRef<HTMLInputElement>(null);
  // The address may change otherwise, as by the way back.
  if (known !== text) {
    setKnown(text);
    setTyped(text);
  }
  useEffect(() => {
    if (typed.trim() === text) return;
    const timer = setTimeout(() => { onChange(typed.trim()); }, TYPED_MS);
    return () => { clearTimeout(timer); };
  }, [typed, text, onChange]);
  useKeys((key) => {
    if (key !== "/") return false;
    field.current?.focus();
    field.current?.select();
    return true;
  });
  return (
    <form className="jobs-search" role="search" onSubmit={(event) => { event.preventDefault(); onChange(typed.trim()); }}>
      <Icon name="search" />
      <Input
        ref={field} type="search" aria-label="Search jobs" placeholder="Id, name, kind, session or tag" value={typed} maxLength={LONGEST} spellCheck={false} autoComplete="off"
        onChange={(event) => { setTyped(event.target.value); }}
        onKeyDown={(event) => { if (event.key === "Escape") { setTyped(""); onChange(""); event.currentTarget.blur(); } }}
      />
      {typed === "" ? <Key>/</Key> : <Button look="quiet" size="small" icon="close" aria-label="Clear the search" onClick={() => { setTyped(""); onChange(""); field.current?.focus(); }} />}
    </form>
  );
}

function FilterForm({ filter, onChange }: FilterBarProps) {
  const [kind, setKind] = useState(filter.kind ?? "");
  const [tag, setTag] = useState(filter.tag ?? "");
  const [session, setSession] = useState(filter.session ?? "");
  const value = (text: string): string | undefined => (text.trim() === "" ? undefined : text.trim());
  return (
    <form className="jobs-filter" onSubmit={(event) => { event.preventDefault(); onChange({ kind: value(kind), tag: value(tag), session: value(session) }); }}>
      <Field label="Kind">{(control) => <Input {...control} autoFocus value={kind} maxLength={LONGEST} autoComplete="off" spellCheck={false} onChange={(event) => { setKind(event.target.value); }} />}</Field>
      <Field label="Tag">{(control) => <Input {...control} value={tag} maxLength={LONGEST} autoComplete="off" spellCheck={false} onChange={(event) => { setTag(event.target.value); }} />}</Field>
      <Field label="Session">{(control) => <Input {...control} value={session} maxLength={LONGEST} autoComplete="off" spellCheck={false} onChange={(event) => { setSession(event.target.value); }} />}</Field>
      <div className="jobs-filter__choices">
        <Button look="quiet" onClick={() => { onChange({ kind: undefined, tag: undefined, session: undefined }); }}>Clear</Button>
        <Button type="submit" look="strong">Show</Button>
      </div>
    </form>
  );
}
