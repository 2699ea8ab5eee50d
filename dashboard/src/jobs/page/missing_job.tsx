// A job that is not there, or not for whoever looks.

import { useEffect } from "react";
import { useHeadway } from "@headway/react";

import { LinkButton } from "../../design/button.tsx";
import { Empty } from "../../design/empty.tsx";
import { Page, useWindowTitle } from "../../design/page.tsx";
import { usePerson } from "../../shell/context.ts";
import { hrefTo } from "../../shell/route.ts";

/** How often it is looked for while it is not there, in milliseconds. */
const LOOK_EVERY_MS = 5000;

export function MissingJob({ id, onFound }: { readonly id: string; readonly onFound: () => void }) {
  useWindowTitle("No such job");
  const client = useHeadway();
  const person = usePerson();
  useEffect(() => {
    const ending = new AbortController();
    const timer = setInterval(() => {
      if (document.visibilityState === "hidden") return;
      client.jobs.get(id, { signal: ending.signal }).then(onFound, () => {
        // Still not there, or the server is away, which the connection tells.
      });
    }, LOOK_EVERY_MS);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [client, id, onFound]);
  return (
    <Page>
      <Empty icon="search" title="There is no such job" whole more={person.onlyJob === undefined && <LinkButton href={hrefTo({ name: "jobs" })}>All jobs</LinkButton>}>
        <code>{id}</code> does not exist here, or you may not see it. Should it appear, it is shown at once.
      </Empty>
    </Page>
  );
}
