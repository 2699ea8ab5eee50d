// What runs the items: a configured kind, or an executor that is written here.

import type { Kind } from "@headway/client";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Field, Select, TextArea } from "../../design/field.tsx";
import { Segments } from "../../design/segments.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { reasonOf } from "../../shell/words.ts";
import type { Complaints, Draft } from "./draft.ts";

interface RunnerStepProps {
  readonly draft: Draft;
  readonly complaints: Complaints;
  readonly kinds: readonly Kind[] | undefined;
  readonly kindsError: unknown;
  readonly onKindsAgain: () => void;
  readonly onChange: (change: Partial<Draft>) => void;
}

const HTTP_EXAMPLE = `{
  "type": "http",
  "url": "https://api.example.com/score",
  "headers": {"Authorization": "Bearer …"},
  "body": {"text": "{{input.text}}"},
  "output": "/score"
}`;

export function RunnerStep({ draft, complaints, kinds, kindsError, onKindsAgain, onChange }: RunnerStepProps) {
  const chosen = kinds?.find(({ name }) => name === draft.kind);
  return (
    <div className="form">
      <Segments
        label="What runs the items" value={draft.runBy} onChange={(runBy) => { onChange({ runBy }); }}
        segments={[{ value: "kind", label: "A configured kind" }, { value: "executor", label: "An executor of your own" }]}
      />
      {draft.runBy === "kind" ? (
        <>
          {kindsError !== undefined && <Banner tone="bad" actions={<Button size="small" onClick={onKindsAgain}>Try again</Button>}>{reasonOf(kindsError)}</Banner>}
          {kinds === undefined && kindsError === undefined && <Skeleton width={260} height={32} />}
          {kinds?.length === 0 && (
            <Banner title="No kind is configured">
              A kind says how items are run. Whoever looks after this server adds <code>[kinds.NAME]</code> to its configuration; or write an executor of your own.
            </Banner>
          )}
          {kinds !== undefined && kinds.length > 0 && (
            <Field label="Kind" error={complaints.kind} hint={chosen === undefined ? undefined : describe(chosen)}>
              {(control) => (
                <Select {...control} value={draft.kind} onChange={(event) => { onChange({ kind: event.target.value }); }}>
                  <option value="" disabled>Choose a kind</option>
                  {kinds.map(({ name, executor }) => (
                    <option key={name} value={name} disabled={executor === undefined || executor === null}>
                      {executor === undefined || executor === null ? `${name}: has no executor and cannot run a batch` : name}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          )}
        </>
      ) : (
        <Field
          label="Executor, as JSON" error={complaints.executor}
          hint={<>A request for each item (<code>http</code>). <code>{"{{input.NAME}}"}</code>, <code>{"{{index}}"}</code> and <code>{"{{custom_id}}"}</code> are filled in. A <code>command</code> is taken only by a server that allows it. What stands here is kept with the batch.</>}
        >
          {(control) => <TextArea {...control} rows={9} spellCheck={false} placeholder={HTTP_EXAMPLE} value={draft.executor} onChange={(event) => { onChange({ executor: event.target.value }); }} />}
        </Field>
      )}
    </div>
  );
}

function describe({ executor, concurrency, budget }: Kind): string {
  const parts = [
    executor === "http" ? "Sends a request for each item" : "Runs a command of the server's configuration",
    typeof concurrency === "number" ? `${concurrency} items at once` : "",
    budget === undefined || budget === null ? "" : `a budget of ${budget.max_budget}`,
  ];
  return `${parts.filter((part) => part !== "").join(", ")}.`;
}
