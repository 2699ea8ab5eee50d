// What can be asked of a batch, what was asked, and what the server said to it.

import { useState } from "react";
import type { Action, RetryItems } from "@headway/client";
import { allows, formatAmount, formatCount, useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Menu, MenuItem } from "../../design/menu.tsx";
import { Ago } from "../../design/time.tsx";
import { usePerson, useQuestion } from "../../shell/context.ts";
import { reasonOf } from "../../shell/words.ts";
import { retryChoices, type RetryChoice } from "../model/retrying.ts";

export interface BatchAsking {
  /** What the batch's status allows and whoever is here may ask. */
  readonly can: (action: Action) => boolean;
  readonly choices: readonly RetryChoice[];
  /** Whether it stands still at its budget. */
  readonly atBudget: boolean;
  readonly pending: Action | undefined;
  readonly refusal: unknown;
  readonly pause: () => void;
  readonly resume: () => void;
  readonly cancel: () => void;
  readonly retry: (status: RetryItems) => void;
  readonly dismiss: () => void;
}

/** Asks, after a question where much hangs on it. */
export function useBatchCommands(id: string, job: JobDocument): BatchAsking {
  const person = usePerson();
  const ask = useQuestion();
  const headway = useHeadway();
  const [pending, setPending] = useState<Action | undefined>(undefined);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const { error: reason, cost, items } = job;
  const atBudget = reason?.code.startsWith("budget") === true;

  const send = async (action: Action, request: () => Promise<unknown>): Promise<void> => {
    setPending(action);
    setRefusal(undefined);
    try {
      await request();
    } catch (error) {
      setRefusal(error);
    } finally {
      setPending(undefined);
    }
  };
  const cancel = async (): Promise<void> => {
    const open = (items?.queued ?? 0) + (items?.retrying ?? 0);
    const answer = await ask({
      title: `Cancel ${job.name ?? id}?`,
      text: `${formatCount(open)} items have not run yet and will not. What has finished stays, and its results can be downloaded. Cancelled items can be run again later.`,
      yes: "Cancel the batch", no: "Keep it going", danger: true,
    });
    if (answer !== undefined) await send("cancel", () => headway.batches.cancel(id));
  };
  const resume = async (): Promise<void> => {
    if (!atBudget) {
      await send("resume", () => headway.batches.resume(id));
      return;
    }
    const expected = cost?.forecast_high === undefined || cost.forecast_high === null ? "" : ` The whole batch is expected to cost up to ${formatAmount(cost.forecast_high, cost.currency)}.`;
    const maxBudget = await ask({
      title: "Raise the budget?", text: `${cost === undefined || cost === null ? "The budget is" : `${formatAmount(cost.spent, cost.currency)} are`} spent.${expected}`,
      yes: "Resume", no: "Not now", field: { label: `New budget in ${cost?.currency ?? "the batch's currency"}`, value: cost?.budget ?? "" },
    });
    if (maxBudget !== undefined) await send("resume", () => headway.batches.resume(id, maxBudget === "" ? {} : { maxBudget }));
  };
  return {
    can: (action) => pending === undefined && allows(job.status, action) && person.may(action),
    choices: person.may("retry") ? retryChoices(job) : [],
    atBudget, pending, refusal,
    pause: () => void send("pause", () => headway.batches.pause(id)),
    resume: () => void resume(),
    cancel: () => void cancel(),
    retry: (status) => void send("retry", () => headway.batches.retry(id, { status })),
    dismiss: () => { setRefusal(undefined); },
  };
}

/** The buttons that whoever is here may press. */
export function BatchCommands({ job, commands }: { readonly job: JobDocument; readonly commands: BatchAsking }) {
  const { can, choices, atBudget, pending, pause, resume, cancel, retry } = commands;
  const [first] = choices;
  return (
    <>
      {(can("pause") || pending === "pause") && <Button icon="pause" busy={pending === "pause"} onClick={pause}>Pause</Button>}
      {(can("resume") || pending === "resume") && <Button icon="play" look={atBudget || job.status === "paused" ? "strong" : "plain"} busy={pending === "resume"} onClick={resume}>{atBudget ? "Raise the budget" : "Resume"}</Button>}
      {(can("cancel") || pending === "cancel") && <Button icon="close" look="danger" busy={pending === "cancel"} onClick={cancel}>Cancel</Button>}
      {choices.length === 1 && first !== undefined && (
        <Button icon="retry" busy={pending === "retry"} onClick={() => { retry(first.status); }}>{`Retry ${formatCount(first.count)} ${first.label}`}</Button>
      )}
      {choices.length > 1 && (
        <Menu label="Retry items" icon="retry" look="plain" content="Retry">
          {(close) => choices.map(({ status, label, count }) => (
            <MenuItem key={status} icon="retry" onSelect={() => { close(); retry(status); }}>{`All ${formatCount(count)} ${label}`}</MenuItem>
          ))}
        </Menu>
      )}
    </>
  );
}

/** What was asked and is not carried out yet, and what was refused. */
export function CommandNotes({ job, commands: { refusal, dismiss } }: { readonly job: JobDocument; readonly commands: BatchAsking }) {
  const running = job.items?.running ?? 0;
  const waits = job.status === "cancelling" ? "Cancelling" : job.status === "pausing" ? "Pausing" : undefined;
  return (
    <>
      {waits !== undefined && <Asked key={waits} what={waits} running={running} />}
      {refusal !== undefined && (
        <Banner tone="bad" title="The server refused" actions={<Button look="quiet" size="small" icon="close" aria-label="Close" onClick={dismiss} />}>{reasonOf(refusal)}</Banner>
      )}
    </>
  );
}

/** It is there from the moment that the batch has taken note of the wish. */
function Asked({ what, running }: { readonly what: string; readonly running: number }) {
  const headway = useHeadway();
  const [since] = useState(() => headway.serverTime());
  return (
    <Banner tone="warn" icon="clock">
      {what}: noted <Ago at={since} />{running === 0 ? "." : `, waiting for ${running === 1 ? "1 item that is" : `${formatCount(running)} items that are`} running.`}
    </Banner>
  );
}
