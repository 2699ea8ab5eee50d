// The question that waits for its answer.

import { useState, useSyncExternalStore } from "react";

import { Button } from "../design/button.tsx";
import { Dialog, DialogChoices } from "../design/dialog.tsx";
import { Field, Input } from "../design/field.tsx";
import { useSurroundings } from "./context.ts";
import type { Asked } from "./questions.ts";

export function QuestionDialog() {
  const { questions } = useSurroundings();
  const asked = useSyncExternalStore(questions.subscribe, questions.getSnapshot);
  return asked === undefined ? null : <OneQuestion key={asked.title + asked.text} asked={asked} />;
}

function OneQuestion({ asked }: { readonly asked: Asked }) {
  const [text, setText] = useState(asked.field?.value ?? "");
  return (
    <Dialog title={asked.title} onClose={() => { asked.answer(undefined); }}>
      <form onSubmit={(event) => { event.preventDefault(); asked.answer(text.trim()); }}>
        <p className="muted">{asked.text}</p>
        {asked.field !== undefined && (
          <div style={{ marginBlockStart: 16 }}>
            <Field label={asked.field.label}>{(control) => <Input {...control} value={text} inputMode="decimal" autoComplete="off" onChange={(event) => { setText(event.target.value); }} />}</Field>
          </div>
        )}
        <div style={{ marginBlockStart: 16 }}>
          <DialogChoices>
            <Button data-first={asked.danger} onClick={() => { asked.answer(undefined); }}>{asked.no}</Button>
            <Button type="submit" look={asked.danger === true ? "danger" : "strong"}>{asked.yes}</Button>
          </DialogChoices>
        </div>
      </form>
    </Dialog>
  );
}
