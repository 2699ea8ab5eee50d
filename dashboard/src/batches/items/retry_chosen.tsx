// Running again what is ticked.

import { useState } from "react";
import { formatCount, useHeadway, type JobDocument } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { useNotify, usePerson } from "../../shell/context.ts";
import { lacks } from "../../shell/identity.ts";
import { reasonOf } from "../../shell/words.ts";
import type { Chosen } from "../model/chosen.ts";
import { MOST_CHOSEN, retryRefusal } from "../model/retrying.ts";

interface RetryChosenProps {
  readonly id: string;
  readonly job: JobDocument;
  readonly chosen: Chosen;
  readonly onDone: () => void;
}

/** Nothing while nothing is ticked. */
export function RetryChosen({ id, job, chosen, onDone }: RetryChosenProps) {
  const headway = useHeadway();
  const person = usePerson();
  const notify = useNotify();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const count = chosen.indexes.size;
  if (count === 0 && refusal === undefined) return null;
  const unavailable = !person.may("retry") ? lacks("control")
    : count > MOST_CHOSEN ? `At most ${formatCount(MOST_CHOSEN)} items can be named at once: untick some, or retry all that failed.`
    : retryRefusal(job);
  const retry = async (): Promise<void> => {
    setBusy(true);
    setRefusal(undefined);
    try {
      await headway.batches.retry(id, { items: [...chosen.indexes].sort((one, other) => one - other) });
      notify({ tone: "good", text: count === 1 ? "1 item runs again." : `${formatCount(count)} items run again.` });
      onDone();
    } catch (error) {
      setRefusal(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="chosen" role="region" aria-label="Ticked items">
      {count > 0 && (
        <div className="chosen__row">
          <span className="numbers" role="status">{count === 1 ? "1 item ticked" : `${formatCount(count)} items ticked`}</span>
          <Button size="small" look="strong" icon="retry" busy={busy} unavailable={unavailable} onClick={() => void retry()}>{count === 1 ? "Retry it" : "Retry them"}</Button>
          <Button size="small" look="quiet" onClick={() => { setRefusal(undefined); onDone(); }}>Untick all</Button>
          {unavailable !== undefined && <span className="faint">{unavailable}</span>}
        </div>
      )}
      {refusal !== undefined && <Banner tone="bad" actions={<Button look="quiet" size="small" icon="close" aria-label="Close" onClick={() => { setRefusal(undefined); }} />}>{reasonOf(refusal)}</Banner>}
    </div>
  );
}
