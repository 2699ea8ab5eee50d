// What the batch would cost: low, likely and high, against the budget.

import type { Estimate } from "@headway/client";
import { formatAmount, formatCount } from "@headway/react";

import { Banner } from "../../design/banner.tsx";
import { Button } from "../../design/button.tsx";
import { Skeleton } from "../../design/skeleton.tsx";
import { reasonOf, sentence } from "../../shell/words.ts";
import { formatBytes } from "./bytes.ts";
import { estimateBar, METHOD_WORDS } from "./estimate_words.ts";
import { ASKED_BY_ITSELF_BYTES, type Estimating } from "./use_estimate.ts";

interface EstimateCardProps {
  readonly estimating: Estimating;
  readonly hasFile: boolean;
  readonly size: number;
  readonly budget: string | undefined;
}

export function EstimateCard({ estimating: { now, ask, cancel }, hasFile, size, budget }: EstimateCardProps) {
  return (
    <section className="estimate" aria-label="Estimate" aria-busy={now.state === "asking"}>
      <div className="estimate__head">
        <h3>Estimate</h3>
        {now.state === "asking" && <Button size="small" look="quiet" onClick={cancel}>Cancel</Button>}
        {(now.state === "known" || now.state === "refused") && <Button size="small" look="quiet" icon="retry" aria-label="Estimate again" onClick={ask} />}
      </div>
      {now.state === "none" && <p className="faint">{hasFile ? "Fill in what runs the items, and the server says what they would cost." : "Choose a file, and the server says what it would cost."}</p>}
      {now.state === "waits" && (size > ASKED_BY_ITSELF_BYTES
        ? <><p className="faint">{`The whole file (${formatBytes(size)}) is sent to the server for an estimate. Nothing is run.`}</p><Button size="small" onClick={ask}>Estimate</Button></>
        : <Button size="small" onClick={ask}>Estimate</Button>)}
      {now.state === "asking" && <div className="estimate__waiting"><p className="unseen" role="status">The server is estimating.</p><Skeleton width={140} height={28} /><Skeleton width="100%" height={8} /><Skeleton width="70%" /></div>}
      {now.state === "refused" && <Banner tone="warn" title="No estimate">{reasonOf(now.error)}</Banner>}
      {now.state === "known" && <Known estimate={now.estimate} budget={budget} />}
    </section>
  );
}

function Known({ estimate, budget }: { readonly estimate: Estimate; readonly budget: string | undefined }) {
  const { low, mid, high, currency, items, invalid, method, notes = [] } = estimate;
  const say = (amount: string): string => formatAmount(amount, currency);
  const bar = estimateBar(estimate, budget);
  return (
    <>
      {method === "none"
        ? <p className="estimate__amount">Not known</p>
        : <p className="estimate__amount numbers">{say(mid)}{low !== high && <span className="faint">{` ${say(low)} to ${say(high)}`}</span>}</p>}
      {method !== "none" && bar !== undefined && (
        <div className="estimate__bar" role="img" aria-label={`${say(low)} to ${say(high)}${budget === undefined ? "" : `, of a budget of ${say(budget)}`}`}>
          <span className="estimate__range" style={{ insetInlineStart: `${bar.from}%`, inlineSize: `${bar.length}%` }} />
          <span className="estimate__mid" style={{ insetInlineStart: `${bar.mid}%` }} />
          {bar.budget !== undefined && <span className="estimate__budget" style={{ insetInlineStart: `${bar.budget}%` }} />}
        </div>
      )}
      {bar?.verdict === "over" && <p className="estimate__verdict" data-tone="bad">{`More than the budget of ${say(budget ?? "0")}: the batch will not finish within it.`}</p>}
      {bar?.verdict === "perhaps" && <p className="estimate__verdict" data-tone="warn">{`May pass the budget of ${say(budget ?? "0")}.`}</p>}
      {bar?.verdict === "within" && <p className="estimate__verdict" data-tone="good">{`Within the budget of ${say(budget ?? "0")}.`}</p>}
      <ul className="estimate__notes">
        <li>{METHOD_WORDS[method]}</li>
        <li><span className="numbers">{formatCount(items)}</span> {items === 1 ? "item" : "items"} would run{invalid > 0 && <>, <span className="numbers">{formatCount(invalid)}</span> {invalid === 1 ? "line is" : "lines are"} no item</>}.</li>
        {notes.map((note) => <li key={note}>{sentence(note)}</li>)}
      </ul>
    </>
  );
}
