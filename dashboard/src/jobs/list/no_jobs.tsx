// What is shown where no job is.

import { Button, LinkButton } from "../../design/button.tsx";
import { CopyButton } from "../../design/copy_button.tsx";
import { Empty } from "../../design/empty.tsx";
import { usePerson } from "../../shell/context.ts";
import { hrefTo } from "../../shell/route.ts";

/** Nothing fits the filter. */
export function NothingFits({ onClear }: { readonly onClear: () => void }) {
  return <Empty icon="search" title="No job fits" more={<Button heir=".jobs-search input" onClick={onClear}>Show all jobs</Button>}>Nothing that you may see fits this filter. A new job that does is shown here at once.</Empty>;
}

/** There is no job at all: how the first one is made, for whoever may make one. */
export function NoJobsYet() {
  const person = usePerson();
  const base = new URL(".", document.baseURI).href.replace(/\/$/, "");
  const sends = [...(person.identity.sign_in ? ['  -H "authorization: Bearer $HEADWAY_TOKEN" \\'] : []), "  -H 'content-type: application/json' \\"];
  const example = [
    `curl ${base}/api/v1/jobs \\`, ...sends, `  -d '{"kind":"import","id":"job_first","name":"My first job"}'`, "",
    `curl ${base}/api/v1/jobs/job_first/events \\`, ...sends, `  -d '{"type":"progress","percent":40,"message":"Reading rows"}'`,
  ].join("\n");
  return (
    <Empty
      icon="layers" title="Nothing is running yet"
      more={person.has("report") && (
        <>
          <LinkButton look="strong" icon="plus" href={hrefTo({ name: "new_batch" })}>New batch</LinkButton>
          <p className="muted">or make a job from a terminal:</p>
          <pre className="code-block"><code>{example}</code></pre>
          <CopyButton what="the example" text={example} label="Copy" />
        </>
      )}
    >
      Jobs appear here the moment they are created.
    </Empty>
  );
}
