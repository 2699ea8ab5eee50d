// Every component in every state, on one page.

import type { ReactNode } from "react";
import { createRoot } from "react-dom/client";

import {
  AgentTimeline,
  BatchProgress,
  ConnectionStatus,
  CostMeter,
  HeadwayErrorBoundary,
  JobCard,
  JobLog,
  ProgressBar,
  StatusBadge,
} from "../src/index.ts";
import { BATCHES, CONNECTIONS, COSTS, EVENTS, JOBS, NOW, STEPS } from "./documents.ts";

function Shelf({ name, wide = false, children }: { readonly name: string; readonly wide?: boolean; readonly children: ReactNode }): ReactNode {
  return (
    <section id={name.replaceAll(" ", "-").toLowerCase()}>
      <h2>{name}</h2>
      <div className={wide ? "wide" : "shelf"}>{children}</div>
    </section>
  );
}

function Breaks(): ReactNode {
  throw new Error("it broke");
}

function Gallery(): ReactNode {
  return (
    <>
      <h1>Components of @headway/react</h1>
      <Shelf name="StatusBadge" wide>
        <p className="row">
          {(["pending", "queued", "running", "pausing", "paused", "cancelling", "completed", "failed", "cancelled", "expired", "succeeded", "retrying", "skipped"] as const).map((status) => (
            <StatusBadge key={status} status={status} />
          ))}
          <StatusBadge status="running" stalled />
        </p>
      </Shelf>
      <Shelf name="ProgressBar">
        {Object.entries(JOBS).map(([name, job]) => (
          <ProgressBar key={name} job={job} label={name} text />
        ))}
      </Shelf>
      <Shelf name="JobCard">
        {Object.entries(JOBS).map(([name, job]) => (
          <JobCard key={name} job={job} now={NOW} announce={false} actions={["pause", "resume", "cancel", "retry"]} onCommand={() => undefined} />
        ))}
      </Shelf>
      <Shelf name="BatchProgress">
        {Object.entries(BATCHES).map(([name, job]) => (
          <BatchProgress key={name} job={job} announce={false} />
        ))}
      </Shelf>
      <Shelf name="AgentTimeline" wide>
        <AgentTimeline steps={STEPS} now={NOW} label="Research on ACME" />
      </Shelf>
      <Shelf name="CostMeter">
        {Object.entries(COSTS).map(([name, cost]) => (
          <CostMeter key={name} cost={cost} label={name} />
        ))}
      </Shelf>
      <Shelf name="JobLog" wide>
        <JobLog events={EVENTS} />
      </Shelf>
      <Shelf name="ConnectionStatus" wide>
        {Object.entries(CONNECTIONS).map(([name, connection]) => (
          <p key={name}>
            <ConnectionStatus connection={connection} onRetry={() => undefined} onSignIn={() => undefined} />
          </p>
        ))}
      </Shelf>
      <Shelf name="HeadwayErrorBoundary" wide>
        <HeadwayErrorBoundary>
          <Breaks />
        </HeadwayErrorBoundary>
      </Shelf>
    </>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no element with the id `root`");
createRoot(root).render(<Gallery />);
