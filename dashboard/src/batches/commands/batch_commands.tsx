// What can be asked of a batch, what was asked, and what the server said to it.

import { useState } from "react";
import type { Action, RetryItems } from "@headway/client";
import { formatAmount, formatCount, useCommand, useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Menu, MenuItem } from "../../design/menu.tsx";
import { usePerson, useQuestion } from "../../shell/context.ts";
import { reasonOf, sentence } from "../../shell/words.ts";
import { retryChoices } from "../model/retrying.ts";
import { DownloadMenu } from "./download_menu.tsx";
import { useSecondsSince } from "./use_seconds_since.ts";

interface BatchCommandsProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly onReplay: (() => void) | undefined;
}

export function BatchCommands({ id, job, onReplay }: BatchCommandsProps) {
  const person = usePerson();
  const ask = useQuestion();
  const headway = useHeadway();
  const command = useCommand(id);
  const [retrying, setRetrying] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const can = (action: Action): boolean => command.can(action) && person.may(action);
  const { error: reason } = job;
  const atBudget = reason?.code.startsWith("budget") === true;

  const cancel = async (): Promise<void> => {
    const open = (job.items?.queued ?? 0) + (job.items?.retrying ?? 0);
    const answer = await ask({
      title: "Cancel this batch?",
      text: `${formatCount(open)} items have not run yet and will not. What has finished stays, and its results can be downloaded. Cancelled items can be run again later.`,
      yes: "Cancel the batch", no: "Keep it going", danger: true,
    });
    if (answer !== undefined) await command.run("cancel");
  };
  const resume = async (): Promise<void> => {
    if (!atBudget) {
      await command.run("resume");
      return;
    }
    const { cost } = job;
    const maxBudget = await ask({
      title: "Raise the budget?",
      text: `${sentence(reason.message)} ${cost?.forecast_high == null ? "" : `The whole batch is expected to cost up to ${formatAmount(cost.forecast_high, cost.currency)}.`}`.trim(),
      yes: "Resume", no: "Not now", field: { label: `New budget in ${cost?.currency ?? "the batch's currency"}`, value: cost?.budget ?? "" },
    });
    if (maxBudget !== undefined) await command.run("resume", maxBudget === "" ? {} : { maxBudget });
  };
  const retry = async (status: RetryItems): Promise<void> => {
    setRetrying(true);
    setRefusal(undefined);
    try {
      await headway.batches.retry(id, { status });
    } catch (error) {
      setRefusal(error);
    } finally {
      setRetrying(false);
    }
  };

  const choices = person.may("retry") ? retryChoices(job) : [];
  const [first] = choices;
  const refused = command.error ?? refusal;
  return (
    <div className="commands">
      <div className="commands__row">
        {can("pause") && <Button icon="pause" busy={command.pending === "pause"} onClick={() => void command.run("pause")}>Pause</Button>}
        {can("resume") && <Button icon="play" look="strong" onClick={() => void resume()}>{atBudget ? "Raise the budget…" : "Resume"}</Button>}
        {can("cancel") && <Button icon="stop" onClick={() => void cancel()}>Cancel…</Button>}
        {choices.length === 1 && first !== undefined && (
          <Button icon="retry" busy={retrying} onClick={() => void retry(first.status)}>{`Retry ${formatCount(first.count)} ${first.label}`}</Button>
        )}
        {choices.length > 1 && (
          <Menu label="Retry items" icon="retry" look="plain" content="Retry">
            {(close) => choices.map(({ status, label, count }) => (
              <MenuItem key={status} icon="retry" onSelect={() => { close(); void retry(status); }}>{`All ${formatCount(count)} ${label}`}</MenuItem>
            ))}
          </Menu>
        )}
        {onReplay !== undefined && <Button icon="clock" onClick={onReplay}>Replay</Button>}
        <DownloadMenu id={id} items={job.items ?? undefined} />
      </div>
      <Waiting job={job} />
      {refused !== undefined && (
        <Banner tone="bad" actions={<Button look="quiet" size="small" icon="close" aria-label="Close" onClick={() => { command.reset(); setRefusal(undefined); }} />}>
          {reasonOf(refused)}
        </Banner>
      )}
    </div>
  );
}

/** A wish that the batch has not come after yet. */
function Waiting({ job }: { readonly job: JobDocument }) {
  const waits = job.status === "pausing" || job.status === "cancelling";
  const seconds = useSecondsSince(waits ? job.status : undefined);
  if (!waits) return null;
  const running = job.items?.running ?? 0;
  const what = job.status === "pausing" ? "Pausing" : "Cancelling";
  const asked = seconds < 2 ? "" : ` (for ${seconds} s)`;
  return (
    <p className="commands__waiting" role="status">
      {running > 0 ? `${what}${asked}: ${formatCount(running)} ${running === 1 ? "item is" : "items are"} still running.` : `${what}${asked}.`}
    </p>
  );
}
