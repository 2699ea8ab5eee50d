// How the items are run: names, limits, money. What is left empty is as the kind says.

import type { ReactNode } from "react";

import { Check, Field, Input, Select, type ControlProps } from "../../design/field.tsx";
import type { Complaints, Draft, Place } from "./draft.ts";

interface SettingsProps {
  readonly draft: Draft;
  readonly complaints: Complaints;
  /** What amounts are in, when it is known. */
  readonly currency: string | undefined;
  readonly onChange: (change: Partial<Draft>) => void;
}

export function NamesStep({ draft, complaints, onChange }: SettingsProps) {
  const text = field(draft, onChange);
  return (
    <div className="form form--pair">
      <Field label="Name" error={complaints.name} hint="What people call it.">{text("name", { placeholder: "Nightly scoring", maxLength: 256 })}</Field>
      <Field label="Session" error={complaints.session} hint="Groups jobs that belong together.">{text("session", { maxLength: 256 })}</Field>
      <Field label="Tags" error={complaints.tags} hint="Separated by commas.">{text("tags", { placeholder: "nightly, eu" })}</Field>
    </div>
  );
}

export function MoneyStep({ draft, complaints, currency, onChange }: SettingsProps) {
  const text = field(draft, onChange);
  const unit = currency === undefined ? "" : ` (${currency})`;
  return (
    <div className="form form--pair">
      <Field label={`Budget${unit}`} error={complaints["budget.max_budget"]} hint="No item starts that would pass it.">{text("maxBudget", { inputMode: "decimal", placeholder: unsaid(draft) })}</Field>
      <Field label={`Warn at${unit}`} error={complaints["budget.soft_budget"]} hint="An event when this is passed.">{text("softBudget", { inputMode: "decimal" })}</Field>
      <Field label="When the budget is reached" hint="A paused batch goes on with a larger budget.">
        {(control) => (
          <Select {...control} value={draft.onBudget} disabled={draft.maxBudget.trim() === ""} onChange={(event) => { onChange({ onBudget: event.target.value === "cancel" ? "cancel" : "pause" }); }}>
            <option value="pause">Pause the batch</option>
            <option value="cancel">Cancel the batch</option>
          </Select>
        )}
      </Field>
    </div>
  );
}

export function PaceStep({ draft, complaints, onChange }: SettingsProps) {
  const text = field(draft, onChange);
  return (
    <>
      <div className="form form--pair form--two">
        <Field label="Items at once" error={complaints.concurrency}>{text("concurrency", { inputMode: "numeric", placeholder: unsaid(draft) })}</Field>
        <Field label="Starts at most" error={complaints.rate}>
          {(control) => (
            <span className="form__joined">
              <Input {...control} inputMode="numeric" placeholder="no limit" value={draft.rateCount} onChange={(event) => { onChange({ rateCount: event.target.value }); }} />
              <Select aria-label="Starts at most, in each" value={draft.ratePer} onChange={(event) => { onChange({ ratePer: perOf(event.target.value) }); }}>
                <option value="second">a second</option>
                <option value="minute">a minute</option>
                <option value="hour">an hour</option>
              </Select>
            </span>
          )}
        </Field>
        <Field label="Attempts of an item" error={complaints.retry} hint="With growing waits between them.">{text("maxAttempts", { inputMode: "numeric", placeholder: unsaid(draft) })}</Field>
        <Field label="Time limit of an attempt" error={complaints.timeout_ms} hint="In seconds.">{text("timeoutSeconds", { inputMode: "decimal", placeholder: unsaid(draft) })}</Field>
      </div>
      <div className="form__checks">
        <Check checked={draft.onFailure === "stop"} onChange={(event) => { onChange({ onFailure: event.target.checked ? "stop" : "continue" }); }}>Stop the batch at the first item that fails</Check>
        <Check checked={!draft.start} onChange={(event) => { onChange({ start: !event.target.checked }); }}>Do not start yet: leave it paused</Check>
      </div>
    </>
  );
}

/** What stands where nothing is filled in. */
function unsaid({ runBy }: Draft): string {
  return runBy === "kind" ? "as the kind says" : "the usual";
}

type TextName = "name" | "session" | "tags" | "maxBudget" | "softBudget" | "concurrency" | "maxAttempts" | "timeoutSeconds";
type Attributes = Pick<Parameters<typeof Input>[0], "placeholder" | "inputMode" | "maxLength">;

function field(draft: Draft, onChange: SettingsProps["onChange"]): (name: TextName, attributes?: Attributes) => (control: ControlProps) => ReactNode {
  return (name, attributes) => function TextField(control) {
    return <Input {...control} {...attributes} autoComplete="off" value={draft[name]} onChange={(event) => { onChange({ [name]: event.target.value }); }} />;
  };
}

function perOf(text: string): Draft["ratePer"] {
  return text === "minute" || text === "hour" ? text : "second";
}

/** Whether a part of the form has a complaint, so that it is opened. */
export function complains(complaints: Complaints, places: readonly Place[]): boolean {
  return places.some((place) => complaints[place] !== undefined);
}
