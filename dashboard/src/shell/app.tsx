// What is shown: the form to whoever is not signed in, else the page that the address names.

import { Suspense, useEffect, useSyncExternalStore, type ReactNode } from "react";
import { HeadwayProvider } from "@headway/react";

import { LinkButton } from "../design/button.tsx";
import { Empty } from "../design/empty.tsx";
import { Page } from "../design/page.tsx";
import { Skeleton } from "../design/skeleton.tsx";
import { AskingPage, UnreachablePage } from "./away_page.tsx";
import { PersonContext, SurroundingsContext, type Surroundings } from "./context.ts";
import { CrashBoundary } from "./crash.tsx";
import { Frame } from "./frame.tsx";
import type { Person } from "./identity.ts";
import { NoticeList } from "./notice_list.tsx";
import { BatchPage, JobPage, JobsPage, NewBatchPage, NodePage } from "./pages.tsx";
import { go, usePlace } from "./place.ts";
import { QuestionDialog } from "./question_dialog.tsx";
import { hrefTo, type Route } from "./route.ts";
import { SignInPage } from "./sign_in_page.tsx";

export function App({ surroundings }: { readonly surroundings: Surroundings }) {
  return (
    <SurroundingsContext value={surroundings}>
      <Inside surroundings={surroundings} />
      <QuestionDialog />
      <NoticeList />
    </SurroundingsContext>
  );
}

function Inside({ surroundings: { session } }: { readonly surroundings: Surroundings }) {
  const now = useSyncExternalStore(session.subscribe, session.getSnapshot);
  switch (now.state) {
    case "asking": return <AskingPage />;
    case "unreachable": return <UnreachablePage />;
    case "signed_out": return <SignInPage reason={now.reason} refusal={now.refusal} />;
    case "signed_in":
      return (
        <PersonContext value={now.person}>
          <HeadwayProvider client={now.client}>
            <Frame client={now.client}><CurrentPage person={now.person} /></Frame>
          </HeadwayProvider>
        </PersonContext>
      );
  }
}

function CurrentPage({ person }: { readonly person: Person }) {
  const { route } = usePlace();
  // Whoever was given one job, and whoever is signed in already, need not choose.
  const { onlyJob } = person;
  const isElsewhere = route.name === "sign_in" || (route.name === "jobs" && onlyJob !== undefined);
  useEffect(() => {
    if (isElsewhere) go(onlyJob === undefined ? { name: "jobs" } : { name: "job", id: onlyJob }, {}, { replace: true });
  }, [isElsewhere, onlyJob]);
  if (isElsewhere) return null;
  const place = hrefTo(route);
  return (
    <CrashBoundary place={place}>
      <Suspense fallback={<Page><p className="unseen" role="status">Loading…</p><Skeleton width={160} height={24} /></Page>}>
        <PageOf key={place} route={route} person={person} />
      </Suspense>
    </CrashBoundary>
  );
}

function PageOf({ route, person }: { readonly route: Route; readonly person: Person }): ReactNode {
  const watches = person.has("watch");
  switch (route.name) {
    case "jobs": return watches ? <JobsPage /> : <CannotWatch />;
    case "job": return watches ? <JobPage id={route.id} /> : <CannotWatch />;
    case "batch": return watches ? <BatchPage id={route.id} /> : <CannotWatch />;
    case "new_batch": return <NewBatchPage />;
    case "node": return <NodePage />;
    case "sign_in":
    case "unknown": return <Empty icon="search" title="There is no such page" whole more={<LinkButton href={hrefTo({ name: "jobs" })}>All jobs</LinkButton>}>The address may have been mistyped.</Empty>;
  }
}

function CannotWatch() {
  return (
    <Empty icon="key" title="This sign-in cannot watch" whole>
      What you signed in with has no scope <code>watch</code>. Sign out, and use a key or token that has it.
    </Empty>
  );
}
