// The way in. A real product asks for more than a name.

import { useState, type ReactElement, type SubmitEvent } from "react";

import { signIn } from "./site.ts";

export function SignIn({ onSignedIn }: { readonly onSignedIn: () => void }): ReactElement {
  const [name, setName] = useState("");
  const [error, setError] = useState<string>();
  const enter = async (): Promise<void> => {
    try {
      await signIn(name);
      onSignedIn();
    } catch (refusal) {
      setError(refusal instanceof Error ? refusal.message : String(refusal));
    }
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    void enter();
  };
  return (
    <main className="door">
      <h1>Wayfare</h1>
      <p>Round trips between airports, planned while you watch.</p>
      <form onSubmit={submit}>
        <label htmlFor="name">Your name</label>
        <input id="name" value={name} autoComplete="username" required aria-invalid={error !== undefined} aria-describedby="name-error" onChange={(event) => { setName(event.target.value); }} />
        <p id="name-error" className="refusal" role="alert" hidden={error === undefined}>{error}</p>
        <button type="submit" className="button strong">Sign in</button>
      </form>
    </main>
  );
}
