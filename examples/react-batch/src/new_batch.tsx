// Starts a batch. The card appears because Headway says so, not because this form does.

import { useState, type ReactElement, type SubmitEvent } from "react";

import { startBatch, type Region } from "./site.ts";

export function NewBatch({ regions }: { readonly regions: readonly Region[] }): ReactElement {
  const [region, setRegion] = useState(regions[0]?.name ?? "");
  // Stays until the server has answered, so that a second press after a lost answer starts nothing twice.
  const [attempt, setAttempt] = useState(newAttempt);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState<string>();
  const start = async (): Promise<void> => {
    setSending(true);
    setError(undefined);
    try {
      await startBatch(region, attempt);
      setAttempt(newAttempt());
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    } finally {
      setSending(false);
    }
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!sending) void start();
  };
  const choose = (name: string): void => {
    setRegion(name);
    setAttempt(newAttempt());
  };
  return (
    <form className="new" onSubmit={submit}>
      <label htmlFor="region">Region</label>
      <select id="region" value={region} onChange={(event) => { choose(event.target.value); }}>
        {regions.map(({ name, airports }) => <option key={name} value={name}>{name}, {airports} airports</option>)}
      </select>
      <button type="submit" className="button strong" aria-disabled={sending}>{sending ? "Starting" : "Plan"}</button>
      {error !== undefined && <p className="refusal" role="alert">{error}</p>}
    </form>
  );
}

function newAttempt(): string {
  return crypto.randomUUID();
}
