// Gives others a link to one job.

import { useState } from "react";
import { formatTime, useHeadway } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { CopyButton } from "../design/copy_button.tsx";
import { Dialog, DialogChoices } from "../design/dialog.tsx";
import { Field, Input } from "../design/field.tsx";
import { Segments, type Segment } from "../design/segments.tsx";
import { usePerson } from "./context.ts";
import { linkTo } from "./link.ts";
import { reasonOf } from "./words.ts";

type Life = "15m" | "1h" | "1d" | "7d";

const LIVES: readonly (Segment<Life> & { readonly ms: number })[] = [
  { value: "15m", label: "15 minutes", ms: 15 * 60_000 },
  { value: "1h", label: "1 hour", ms: 60 * 60_000 },
  { value: "1d", label: "1 day", ms: 24 * 60 * 60_000 },
  { value: "7d", label: "7 days", ms: 7 * 24 * 60 * 60_000 },
];

interface ShareDialogProps {
  /** The job's id. */
  readonly job: string;
  readonly onClose: () => void;
}

/** Where people sign in, the link carries a token that only watches this job, and is shown this once. */
export function ShareDialog({ job, onClose }: ShareDialogProps) {
  const person = usePerson();
  const page = new URL(document.baseURI);
  return (
    <Dialog title="Share this job" onClose={onClose}>
      {person.identity.sign_in ? <WithToken job={job} page={page} onClose={onClose} /> : <PlainLink link={linkTo(job, undefined, page)} onClose={onClose} />}
    </Dialog>
  );
}

function PlainLink({ link, onClose }: { readonly link: string; readonly onClose: () => void }) {
  return (
    <>
      <p className="muted">Nobody has to sign in here: whoever reaches this server sees the job.</p>
      <LinkField link={link} />
      <DialogChoices><Button onClick={onClose}>Close</Button><CopyButton what="the link" text={link} label="Copy the link" look="strong" /></DialogChoices>
    </>
  );
}

function WithToken({ job, page, onClose }: { readonly job: string; readonly page: URL; readonly onClose: () => void }) {
  const client = useHeadway();
  const [life, setLife] = useState<Life>("1h");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>(undefined);
  const [made, setMade] = useState<{ readonly link: string; readonly until: string; readonly id: string } | undefined>(undefined);
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const ms = LIVES.find(({ value }) => value === life)?.ms ?? 0;
      const token = await client.tokens.create({ jobs: [job], ttl_ms: ms });
      setMade({ link: linkTo(job, token.token, page), until: token.expires_at, id: token.id });
    } catch (refusal) {
      setError(reasonOf(refusal));
    }
    setBusy(false);
  };
  if (made !== undefined) {
    return (
      <>
        <p className="muted">Whoever has this link sees this job, and nothing else, until {formatTime(made.until, { show: "all" })}. It is shown this once.</p>
        <LinkField link={made.link} />
        <p className="muted">To end it early: <code>headway token revoke {made.id}</code></p>
        <DialogChoices><Button onClick={onClose}>Done</Button><CopyButton what="the link" text={made.link} label="Copy the link" look="strong" /></DialogChoices>
      </>
    );
  }
  return (
    <>
      <p className="muted">The link lets somebody without an account watch this job. They can change nothing.</p>
      <div className="field">
        <span className="field__label" aria-hidden="true">It holds for</span>
        <Segments label="It holds for" segments={LIVES} value={life} onChange={setLife} />
      </div>
      {error !== undefined && <Banner tone="bad">{error}</Banner>}
      <DialogChoices><Button onClick={onClose}>Cancel</Button><Button look="strong" icon="share" busy={busy} onClick={() => void make()}>Make the link</Button></DialogChoices>
    </>
  );
}

function LinkField({ link }: { readonly link: string }) {
  return <Field label="Link">{(control) => <Input {...control} readOnly value={link} spellCheck={false} onFocus={(event) => { event.target.select(); }} />}</Field>;
}
