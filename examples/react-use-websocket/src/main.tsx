// Shows the job that the address names: `/?job=ID`.

import { StrictMode, type ReactElement } from "react";
import { createRoot } from "react-dom/client";

import { useJob } from "./use_job.ts";

function WatchedJob({ id }: { readonly id: string }): ReactElement {
  const { job, connected, refused } = useJob(id);
  if (refused !== undefined) return <p role="alert">This job cannot be watched: {refused}</p>;
  if (job === undefined) return <p role="status">{connected ? "Waiting for the job." : "Connecting."}</p>;
  const percent = job.progress?.percent ?? undefined;
  return (
    <main>
      <h1>{job.name ?? job.id}</h1>
      <progress aria-label="Progress" max={100} value={percent} />
      <p>
        <output>{percent === undefined ? "" : `${Math.floor(percent)} %`}</output> <strong>{job.status}</strong>
      </p>
      <p>{job.message}</p>
    </main>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id `root`");
const id = new URLSearchParams(location.search).get("job");
createRoot(root).render(
  <StrictMode>{id === null ? <p>Add ?job=ID to the address.</p> : <WatchedJob id={id} />}</StrictMode>,
);
