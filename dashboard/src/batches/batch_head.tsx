// What the batch is, and what can be asked of it.

import { useState } from "react";
import { StatusBadge, type JobDocument } from "@headway/react";

import { Button } from "../design/button.tsx";
import { CopyButton } from "../design/copy_button.tsx";
import { Icon } from "../design/icon.tsx";
import { Ago } from "../design/time.tsx";
import { usePerson } from "../shell/context.ts";
import { hrefTo } from "../shell/route.ts";
import { ShareDialog } from "../shell/share_dialog.tsx";
import { BatchCommands, CommandNotes, useBatchCommands } from "./commands/batch_commands.tsx";
import { DownloadMenu } from "./commands/download_menu.tsx";

interface BatchHeadProps {
  readonly id: string;
  readonly job: JobDocument;
  /** The document that the page shows, which may be an earlier one. */
  readonly shown: JobDocument;
  /** Shows the past; absent while it is shown. */
  readonly onReplay: (() => void) | undefined;
}

export function BatchHead({ id, job, shown, onReplay }: BatchHeadProps) {
  const person = usePerson();
  const commands = useBatchCommands(id, job);
  const [shares, setShares] = useState(false);
  return (
    <>
      <header className="job-head">
        <div className="job-head__text">
          {person.onlyJob === undefined && <a className="job-head__back" href={hrefTo({ name: "jobs" })}><Icon name="left" size={14} />Jobs</a>}
          <h1><bdi>{job.name ?? id}</bdi></h1>
          <div className="job-head__facts">
            <StatusBadge status={shown.status} stalled={shown.stalled === true} />
            <span className="job-head__id"><code className="one-line">{id}</code><CopyButton what="the batch's id" text={id} /></span>
            <span>{job.kind}</span>
            {shown.attempt > 1 && <span>attempt {shown.attempt}</span>}
            <span>created <Ago at={job.created_at} /></span>
          </div>
        </div>
        <div className="job-head__actions">
          {onReplay !== undefined && <BatchCommands job={job} commands={commands} />}
          {onReplay !== undefined && <Button icon="clock" data-name="replay" heir=".replay" onClick={onReplay}>Replay</Button>}
          {(person.sharesTokens || !person.identity.sign_in) && <Button icon="share" onClick={() => { setShares(true); }}>Share</Button>}
          <DownloadMenu id={id} items={job.items ?? undefined} />
        </div>
      </header>
      <div className="job-notes"><CommandNotes job={job} commands={commands} /></div>
      {shares && <ShareDialog job={id} onClose={() => { setShares(false); }} />}
    </>
  );
}
