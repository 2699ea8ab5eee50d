// The form that asks for a key or token, and says why one was not taken.

import "./sign_in.css";
import { useEffect, useRef, useState } from "react";

import { Banner } from "../design/banner.tsx";
import { Button } from "../design/button.tsx";
import { Field, Input } from "../design/field.tsx";
import { useWindowTitle } from "../design/page.tsx";
import { useSurroundings } from "./context.ts";
import type { SignInRefusal } from "./session.ts";
import { ThemeSwitch } from "./theme_switch.tsx";
import { Wordmark } from "./wordmark.tsx";

interface SignInPageProps {
  /** Why the form is there. */
  readonly reason: string;
  readonly refusal: SignInRefusal | undefined;
}

/** What is pasted is shown to the server once and kept nowhere. */
export function SignInPage({ reason, refusal }: SignInPageProps) {
  useWindowTitle("Sign in");
  const { session } = useSurroundings();
  const [text, setText] = useState(refusal?.keep ?? "");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | undefined>(undefined);
  const [read, setRead] = useState<SignInRefusal | undefined>(undefined);
  const field = useRef<HTMLInputElement>(null);
  // A new refusal takes the place of what stood there.
  if (refusal !== read) {
    setRead(refusal);
    setWrong(refusal?.text);
    if (refusal !== undefined && refusal.keep !== "") setText(refusal.keep);
  }
  const waitsFor = useCountdown(refusal?.retryAt);
  const isOver = refusal?.retryAt !== undefined && waitsFor === 0 && wrong === refusal.text;

  useEffect(() => {
    field.current?.focus();
    if (refusal !== undefined) field.current?.select();
  }, [refusal]);

  const submit = async () => {
    if (busy || waitsFor > 0) return;
    if (text.trim() === "") {
      setWrong("Paste an API key or a token first.");
      field.current?.focus();
      return;
    }
    setBusy(true);
    setWrong(undefined);
    await session.signIn(text);
    setBusy(false);
  };
  return (
    <div className="door">
      <header className="door__head"><Wordmark href="#/jobs" /><ThemeSwitch /></header>
      <main className="door__body">
        <section className="door__card" aria-labelledby="sign-in-title">
          <h1 id="sign-in-title">Sign in</h1>
          {reason !== "" && <Banner tone="idle">{reason}</Banner>}
          <form className="door__form" noValidate onSubmit={(event) => { event.preventDefault(); void submit(); }}>
            <input name="username" value="Headway" autoComplete="username" readOnly hidden />
            <Field
              label="API key or token" error={isOver ? "You can try again now." : wrong}
              hint={<>A key begins with <code>hw_</code>; a token comes from your identity provider, or was made for you. This page keeps neither.</>}
            >
              {(control) => (
                <Input
                  {...control} ref={field} name="password" type="password" autoComplete="current-password" autoCapitalize="off" spellCheck={false}
                  required value={text} onChange={(event) => { setText(event.target.value); }}
                />
              )}
            </Field>
            <Button type="submit" look="strong" busy={busy} disabled={waitsFor > 0}>
              {waitsFor > 0 ? `Try again in ${waitsFor} s` : busy ? "Signing in…" : "Sign in"}
            </Button>
          </form>
          <p className="door__aside">You have none? Whoever runs this server makes one with <code>headway key create</code>.</p>
        </section>
      </main>
    </div>
  );
}

/** Seconds until a moment, counted down; 0 when it is over or there is none. */
function useCountdown(until: number | undefined): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (until === undefined) return;
    const tick = (): void => { setNow(Date.now()); };
    const timer = setInterval(() => {
      tick();
      if (Date.now() >= until) clearInterval(timer);
    }, 250);
    const begin = setTimeout(tick, 0);
    return () => {
      clearInterval(timer);
      clearTimeout(begin);
    };
  }, [until]);
  return until === undefined ? 0 : Math.max(0, Math.ceil((until - now) / 1000));
}
