// A new batch: its items, what runs them, how, and for how much.

import "./batches.css";
import "./new_batch.css";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { HeadwayError } from "@headway/client";
import { useHeadway } from "@headway/react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Page, PageHead, Panel } from "../design/page.tsx";
import { useNotify, usePerson } from "../shell/context.ts";
import { lacks } from "../shell/identity.ts";
import { go } from "../shell/place.ts";
import { reasonOf } from "../shell/words.ts";
import { formatBytes } from "./new/bytes.ts";
import { batchOptions, EMPTY_DRAFT, placeOf, type Complaints, type Draft } from "./new/draft.ts";
import { EstimateCard } from "./new/estimate_card.tsx";
import { FileStep } from "./new/file_step.tsx";
import { RunnerStep } from "./new/runner_step.tsx";
import { complains, MoneyStep, NamesStep, PaceStep } from "./new/settings_step.tsx";
import { upload, type Sent } from "./new/upload.ts";
import { useEstimate } from "./new/use_estimate.ts";
import { usePreview, type Source } from "./new/use_preview.ts";
import { useFeed } from "./use_feed.ts";

const KINDS_EVERY_MS = 60_000;

export function NewBatchPage() {
  const person = usePerson();
  if (!person.has("report")) return <Empty icon="key" title="This sign-in cannot make batches">{lacks("report")}</Empty>;
  return <Form />;
}

interface Sending {
  readonly sent: Sent | undefined;
  readonly control: AbortController;
}

function Form() {
  const headway = useHeadway();
  const notify = useNotify();
  const [source, setSource] = useState<Source | undefined>(undefined);
  const [draft, setDraft] = useState<Draft>(EMPTY_DRAFT);
  const [tried, setTried] = useState(false);
  const [refusal, setRefusal] = useState<unknown>(undefined);
  const [sending, setSending] = useState<Sending | undefined>(undefined);
  const problems = useRef<HTMLDivElement>(null);
  const key = useRef<{ readonly of: string; readonly key: string } | undefined>(undefined);
  const previewed = usePreview(source);
  const { preview } = previewed;
  const loadKinds = useCallback((signal: AbortSignal) => headway.kinds.list({ signal }), [headway]);
  const kinds = useFeed(loadKinds, KINDS_EVERY_MS, "");
  const runnable = kinds.value?.kinds.filter(({ executor }) => executor !== undefined && executor !== null);
  const [only] = runnable ?? [];
  // Where there is one kind, it is meant.
  const kind = draft.kind === "" && runnable?.length === 1 && only !== undefined ? only.name : draft.kind;
  const filled = useMemo(() => (kind === draft.kind ? draft : { ...draft, kind }), [draft, kind]);
  const made = useMemo(() => batchOptions(filled), [filled]);
  const estimating = useEstimate(source, preview, made.options);
  const estimate = estimating.now.state === "known" ? estimating.now.estimate : undefined;

  // Whoever leaves the page ends what is on its way.
  useEffect(() => () => {
    sending?.control.abort();
  }, [sending?.control]);

  const place = refusal instanceof HeadwayError ? placeOf(refusal.problem?.field) : undefined;
  const complaints: Complaints = {
    ...(tried || made.options !== undefined ? made.complaints : onlyFilled(filled, made.complaints)),
    ...(place !== undefined && refusal !== undefined && { [place]: reasonOf(refusal) }),
  };
  const change = (part: Partial<Draft>): void => {
    setDraft((before) => ({ ...before, ...part }));
    setRefusal(undefined);
  };
  const start = async (): Promise<void> => {
    setTried(true);
    setRefusal(undefined);
    if (source === undefined || preview === undefined || made.options === undefined) {
      requestAnimationFrame(() => {
        const wrong = document.querySelector<HTMLElement>('.new-batch [aria-invalid="true"]');
        (wrong ?? problems.current)?.focus();
      });
      return;
    }
    // The server has better to do now.
    estimating.cancel();
    const control = new AbortController();
    setSending({ sent: undefined, control });
    const options = JSON.stringify(made.options) + source.name + String(source.content.size);
    // A second try of the same makes no second batch.
    if (key.current?.of !== options) key.current = { of: options, key: crypto.randomUUID() };
    try {
      const batch = await upload({
        address: new URL("api/v1/batches", new URL(".", document.baseURI)).href, content: source.content, name: preview.sentAs, options: made.options,
        idempotencyKey: key.current.key, signal: control.signal, onSent: (sent) => { setSending({ sent, control }); },
      });
      setSending(undefined);
      go({ name: "batch", id: batch.id });
    } catch (error) {
      setSending(undefined);
      if (control.signal.aborted) notify({ tone: "idle", text: "The upload was cancelled. Nothing was made." });
      else {
        // Where no answer came, the batch may have been made: the next try finds it by its key.
        if (error instanceof HeadwayError && error.status !== undefined) key.current = undefined;
        setRefusal(error);
      }
    }
  };

  const budget = made.options?.budget?.max_budget ?? (filled.runBy === "kind" ? kinds.value?.kinds.find(({ name }) => name === kind)?.budget?.max_budget : undefined);
  const settings = { draft: filled, complaints, currency: estimate?.currency, onChange: change };
  const paceOpen = complains(complaints, ["concurrency", "rate", "retry", "timeout_ms"]);
  return (
    <Page>
      <PageHead title="New batch"><p className="muted">Runs the same work for every line of a file.</p></PageHead>
      <form className="new-batch" noValidate onSubmit={(event) => { event.preventDefault(); void start(); }}>
        <div className="new-batch__main">
          <Panel title="Items">
            <FileStep
              source={source} previewed={previewed} disabled={sending !== undefined} complaint={complaints.file}
              onSource={(next) => { setSource(next); setRefusal(undefined); }}
            />
            {tried && source === undefined && <p className="field__error" role="alert">Choose a file, or paste items.</p>}
          </Panel>
          <Panel title="What runs them">
            <RunnerStep draft={filled} complaints={complaints} kinds={kinds.value?.kinds} kindsError={kinds.value === undefined ? kinds.error : undefined} onKindsAgain={kinds.again} onChange={change} />
          </Panel>
          <Panel title="Names"><NamesStep {...settings} /></Panel>
          <Panel title="Money"><MoneyStep {...settings} /></Panel>
          <Panel title="Pace and failures"><PaceStep {...settings} key={paceOpen ? "open" : "closed"} /></Panel>
        </div>
        <aside className="new-batch__side" aria-label="Start">
          <EstimateCard estimating={estimating} hasFile={source !== undefined} size={source?.content.size ?? 0} budget={budget} />
          {refusal !== undefined && place === undefined && <Banner tone="bad" title="The batch was not made">{reasonOf(refusal)}</Banner>}
          {Object.keys(complaints).length > 0 && <div ref={problems} tabIndex={-1}><Banner tone="bad">Some fields need another value.</Banner></div>}
          {sending === undefined
            ? <Button type="submit" look="strong" icon="play">{filled.start ? "Start the batch" : "Make the batch"}</Button>
            : <SendingState sending={sending} />}
          <p className="faint new-batch__hint">{filled.start ? "It runs on the server. You can close this page once it is sent." : "It waits, paused, until somebody resumes it."}</p>
        </aside>
      </form>
    </Page>
  );
}

function SendingState({ sending: { sent, control } }: { readonly sending: Sending }) {
  const all = sent !== undefined && sent.total > 0 && sent.bytes >= sent.total;
  const share = sent === undefined || sent.total === 0 ? 0 : (100 * sent.bytes) / sent.total;
  return (
    <div className="sending">
      <p role="status">{sent === undefined ? "Sending" : all ? "Sent. The server is taking in the items." : `Sent ${formatBytes(sent.bytes)} of ${formatBytes(sent.total)}`}</p>
      <progress className="sending__bar" max={100} {...(sent !== undefined && !all && { value: share })} aria-label="Upload" />
      <Button onClick={() => { control.abort(); }}>Cancel the upload</Button>
    </div>
  );
}

/** Complaints about what somebody has filled in; that something is empty is said when they want to start. */
function onlyFilled(draft: Draft, complaints: Complaints): Complaints {
  const empty = [draft.kind === "" && "kind", draft.executor.trim() === "" && "executor"];
  return Object.fromEntries(Object.entries(complaints).filter(([place]) => !empty.includes(place)));
}
