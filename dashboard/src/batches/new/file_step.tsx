// Choosing the items: a file that is dropped or picked, or a text that is pasted.

import { useRef, useState, type DragEvent } from "react";
import { formatCount } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Field, TextArea } from "../../design/field.tsx";
import { Icon } from "../../design/icon.tsx";
import { reasonOf } from "../../shell/words.ts";
import type { Preview } from "../preview/preview.ts";
import { formatBytes } from "./bytes.ts";
import type { Previewed, Source } from "./use_preview.ts";

interface FileStepProps {
  readonly source: Source | undefined;
  readonly previewed: Previewed;
  /** What the server said of the file. */
  readonly complaint: string | undefined;
  readonly disabled: boolean;
  readonly onSource: (source: Source | undefined) => void;
}

export function FileStep({ source, previewed, complaint, disabled, onSource }: FileStepProps) {
  const [over, setOver] = useState(false);
  const [pasting, setPasting] = useState(false);
  const [text, setText] = useState("");
  const input = useRef<HTMLInputElement>(null);
  const take = (files: FileList | null | undefined): void => {
    const file = files?.[0];
    if (file !== undefined) onSource({ content: file, name: file.name });
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (!disabled) take(event.dataTransfer.files);
  };
  const picker = (
    <input
      ref={input} type="file" className="unseen" tabIndex={-1} aria-label="File of items" accept=".csv,.jsonl,.ndjson,text/csv,application/jsonl"
      onChange={(event) => { take(event.target.files); event.target.value = ""; }}
    />
  );
  if (source !== undefined) {
    return (
      <div className="file" onDragOver={(event) => { event.preventDefault(); }} onDrop={drop}>
        {picker}
        <div className="file__name">
          <span className="file__icon"><Icon name="log" size={20} /></span>
          <div className="file__text"><strong className="one-line">{source.name}</strong><span className="faint numbers">{factsOf(source, previewed.preview)}</span></div>
          <Button size="small" disabled={disabled} onClick={() => { input.current?.click(); }}>Another file</Button>
          <Button size="small" look="quiet" icon="close" aria-label="Take the file away" disabled={disabled} onClick={() => { onSource(undefined); }} />
        </div>
        {previewed.error !== undefined && <Banner tone="bad" title="The file cannot be read">{reasonOf(previewed.error)} It may have been moved or changed: choose it again.</Banner>}
        {complaint !== undefined && <Banner tone="bad" title="The server does not take this file">{complaint}</Banner>}
        {complaint === undefined && previewed.preview?.refusal !== undefined && <Banner tone="bad" title="The server will not take this file">{previewed.preview.refusal}</Banner>}
        {previewed.preview !== undefined && <PreviewTable preview={previewed.preview} />}
      </div>
    );
  }
  return (
    <div
      className="drop" data-over={over || undefined}
      onDragEnter={() => { setOver(true); }} onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={(event) => { if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setOver(false); }} onDrop={drop}
    >
      {picker}
      {pasting ? (
        <div className="drop__paste">
          <Field label="Items" hint="JSON Lines, or CSV with a header row.">
            {(control) => <TextArea {...control} rows={8} autoFocus spellCheck={false} value={text} onChange={(event) => { setText(event.target.value); }} placeholder={'{"custom_id": "a", "input": {"text": "…"}}\n{"custom_id": "b", "input": {"text": "…"}}'} />}
          </Field>
          <div className="drop__choices">
            <Button look="strong" disabled={text.trim() === ""} onClick={() => { onSource({ content: new Blob([text]), name: "pasted" }); }}>Use this text</Button>
            <Button look="quiet" onClick={() => { setPasting(false); }}>Back</Button>
          </div>
        </div>
      ) : (
        <>
          <span className="drop__icon"><Icon name="upload" size={22} /></span>
          <p className="drop__title">Drop a CSV or JSONL file here</p>
          <p className="faint">One item a line. Only its beginning is read in this browser; the whole file goes to the server when you start.</p>
          <div className="drop__choices">
            <Button look="strong" onClick={() => { input.current?.click(); }}>Choose a file</Button>
            <Button onClick={() => { setPasting(true); }}>Paste text</Button>
          </div>
        </>
      )}
    </div>
  );
}

function factsOf({ content }: Source, preview: Preview | undefined): string {
  const size = formatBytes(content.size);
  if (preview === undefined) return size;
  const { items, exact } = preview.count;
  const rows = `${exact ? "" : "about "}${formatCount(items)} ${items === 1 ? "item" : "items"}`;
  return `${size} · ${preview.format === "csv" ? "CSV" : "JSON Lines"} · ${rows}`;
}

/** The first items, and the lines that are none. */
function PreviewTable({ preview }: { readonly preview: Preview }) {
  const { fields, rows, bad, items, note, bytes, bytesRead } = preview;
  return (
    <>
      {rows.length > 0 && (
        <div className="preview" role="region" aria-label="The first items" tabIndex={0}>
          <table className="preview__table">
            <thead>
              <tr><th scope="col" className="preview__line">Line</th>{fields.map(({ name, type }) => <th key={name} scope="col">{name}<span className="preview__type">{type}</span></th>)}</tr>
            </thead>
            <tbody>
              {rows.map(({ line, cells }) => (
                <tr key={line}>
                  <th scope="row" className="preview__line numbers">{line}</th>
                  {cells.map((cell, place) => <td key={fields[place]?.name ?? place} title={cell.length > 40 ? cell : undefined}>{cell === "" ? <span className="faint">–</span> : cell}</td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <p className="preview__note faint">
        {[
          rows.length < items - bad.length ? `The first ${formatCount(rows.length)} items.` : "",
          bytesRead < bytes ? `Read here: the first ${formatBytes(bytesRead)} of ${formatBytes(bytes)}.` : "",
          note ?? "",
        ].filter((part) => part !== "").join(" ")}
      </p>
      {bad.length > 0 && preview.refusal === undefined && (
        <Banner tone="warn" title={bad.length === 1 ? "1 line is no item" : `${formatCount(bad.length)} lines are no items`}>
          They become failed items in their place; the others run. {bytesRead < bytes ? "There may be more further on." : ""}
          <ul className="preview__bad">{bad.slice(0, 8).map(({ line, why }) => <li key={line}><span className="numbers">Line {line}:</span> {why}</li>)}</ul>
          {bad.length > 8 && <span className="faint">{`and ${formatCount(bad.length - 8)} more`}</span>}
        </Banner>
      )}
    </>
  );
}
