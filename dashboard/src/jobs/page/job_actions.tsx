// What can be asked of a job, and what came of asking.

import { useState } from "react";
import type { Action, JobDocument } from "@headway/client";
import { formatCount, useHeadway } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Elapsed } from "../../design/time.tsx";
import { usePerson, useQuestion } from "../../shell/context.ts";
import { reasonOf } from "../../shell/words.ts";

/** The actions that a status allows; the server has the last word. */
export function actionsFor(job: JobDocument): readonly Action[] {
  switch (job.status) {
    case "pending":
    case "queued":
    case "running": return ["pause", "cancel"];
    case "pausing":
    case "paused": return ["resume", "cancel"];
    case "failed":
    case "cancelled":
    case "expired": return ["retry"];
    case "completed": return (job.items?.failed ?? 0) > 0 ? ["retry"] : [];
    case "cancelling": return [];
  }
}

const WORDS: Readonly<Record<Action, string>> = { pause: "Pause", resume: "Resume", retry: "Retry", cancel: "Cancel" };
const ICONS = { pause: "pause", resume: "play", retry: "retry", cancel: "close" } as const;

export interface Asking {
  readonly pending: Action | undefined;
  /** Why the last one was refused. */
  readonly refusal: { readonly action: Action; readonly text: string } | undefined;
  readonly run: (action: Action) => void;
  readonly dismiss: () => void;
}

/** Asks, after a question where much hangs on it. */
export function useAsking(job: JobDocument | undefined): Asking {
  const client = useHeadway();
  const ask = useQuestion();
  const [pending, setPending] = useState<Action | undefined>(undefined);
  const [refusal, setRefusal] = useState<Asking["refusal"]>(undefined);
  const send = async (action: Action): Promise<void> => {
    if (job === undefined) return;
    const commands = job.items === undefined || job.items === null ? client.jobs : client.batches;
    switch (action) {
      case "cancel": {
        const text = job.items
          ? `${formatCount(job.items.queued + job.items.retrying)} items have not run yet and will not. What is finished stays, and its results can be downloaded.`
          : "Its worker is told to stop.";
        const answer = await ask({ title: `Cancel ${job.name ?? job.id}?`, text, yes: "Cancel the job", no: "Keep it going", danger: true });
        if (answer === undefined) return;
        setPending(action);
        await commands.cancel(job.id);
        return;
      }
      case "pause":
        setPending(action);
        await commands.pause(job.id);
        return;
      case "resume": {
        const stopped = job.error?.code.startsWith("budget") === true ? job.error : undefined;
        const answer = stopped === undefined ? "" : await ask({
          title: "Raise the budget?", text: stopped.message, yes: "Resume", no: "Not now",
          field: { label: `New budget in ${job.cost?.currency ?? "the batch's currency"}`, value: job.cost?.budget ?? "" },
        });
        if (answer === undefined) return;
        setPending(action);
        await commands.resume(job.id, answer === "" ? {} : { maxBudget: answer });
        return;
      }
      case "retry":
        setPending(action);
        if (job.items === undefined || job.items === null) await client.jobs.retry(job.id);
        else await client.batches.retry(job.id, { status: job.items.failed > 0 && job.status === "completed" ? "failed" : "unfinished" });
    }
  };
  return {
    pending,
    refusal,
    run: (action) => {
      setRefusal(undefined);
      void send(action)
        .catch((error: unknown) => { setRefusal({ action, text: reasonOf(error) }); })
        .finally(() => { setPending(undefined); });
    },
    dismiss: () => { setRefusal(undefined); },
  };
}

/** The buttons that whoever is here may press. */
export function ActionButtons({ job, asking }: { readonly job: JobDocument; readonly asking: Asking }) {
  const person = usePerson();
  return actionsFor(job).filter((action) => person.may(action)).map((action) => (
    <Button key={action} icon={ICONS[action]} look={action === "cancel" ? "danger" : "plain"} busy={asking.pending === action} disabled={asking.pending !== undefined && asking.pending !== action} onClick={() => { asking.run(action); }}>
      {WORDS[action]}
    </Button>
  ));
}

/** What was asked and is not carried out yet, and what was refused. */
export function AskedNote({ job, asking, requestedAt }: { readonly job: JobDocument; readonly asking: Asking; readonly requestedAt: string | undefined }) {
  const since = requestedAt ?? job.updated_at;
  const waits = job.status === "cancelling" ? "Cancelling" : job.status === "pausing" ? "Pausing" : undefined;
  return (
    <>
      {waits !== undefined && <Banner tone="warn" icon="clock">{waits}: asked <Elapsed since={since} /> ago, waiting for the worker.</Banner>}
      {asking.refusal !== undefined && (
        <Banner tone="bad" title={`${WORDS[asking.refusal.action]} was refused`} actions={<Button look="quiet" size="small" icon="close" aria-label="Close" onClick={asking.dismiss} />}>{asking.refusal.text}</Banner>
      )}
    </>
  );
}
