// Who is here: the page of somebody who is signed in, or the way to sign in.

import { useCallback, useEffect, useState, type ReactElement } from "react";
import { ConnectionStatus, HeadwayProvider } from "@headway/react";

import { Batches } from "./batches.tsx";
import { SignIn } from "./sign_in.tsx";
import { account, signOut, watchToken, type Account } from "./site.ts";

type Standing =
  | { readonly state: "asking" }
  | { readonly state: "away"; readonly message: string }
  | { readonly state: "out" }
  | { readonly state: "in"; readonly account: Account };

export function App(): ReactElement {
  const [standing, setStanding] = useState<Standing>({ state: "asking" });
  const [asked, setAsked] = useState(0);
  const askAgain = useCallback(() => {
    setAsked((before) => before + 1);
  }, []);
  const out = useCallback(() => {
    setStanding({ state: "out" });
  }, []);
  useEffect(() => {
    const gone = new AbortController();
    account(gone.signal).then(
      (found) => {
        setStanding(found === null ? { state: "out" } : { state: "in", account: found });
      },
      (error: unknown) => {
        if (!gone.signal.aborted) setStanding({ state: "away", message: error instanceof Error ? error.message : String(error) });
      },
    );
    return () => {
      gone.abort();
    };
  }, [asked]);

  switch (standing.state) {
    case "asking":
      return <main className="door" aria-busy="true" />;
    case "away":
      return (
        <main className="door">
          <h1>Wayfare</h1>
          <p role="alert">{standing.message}</p>
          <button type="button" className="button" onClick={askAgain}>Try again</button>
        </main>
      );
    case "out":
      return <SignIn onSignedIn={askAgain} />;
    case "in":
      return <Home account={standing.account} onSignedOut={out} />;
  }
}

/** Everything inside watches over one connection, which is let go when the person signs out. */
function Home({ account: { name, session, headway, regions }, onSignedOut }: { readonly account: Account; readonly onSignedOut: () => void }): ReactElement {
  const [error, setError] = useState<string>();
  const leave = async (): Promise<void> => {
    try {
      await signOut();
      onSignedOut();
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  };
  return (
    <HeadwayProvider url={headway} token={watchToken}>
      <header className="top">
        <span className="brand">Wayfare</span>
        <ConnectionStatus onSignIn={onSignedOut} />
        <span className="who">{name}</span>
        <button type="button" className="button quiet" onClick={() => void leave()}>Sign out</button>
      </header>
      <main className="page">
        {error !== undefined && <p className="refusal" role="alert">{error}</p>}
        <Batches session={session} regions={regions} />
      </main>
    </HeadwayProvider>
  );
}
