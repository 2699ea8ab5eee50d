"use client";
// How the connection is, in words.

import { useState, type ReactNode } from "react";
import type { ConnectionState } from "@headway/client";

import { useConnection } from "../hooks/use_connection.ts";
import { useHeadway } from "../hooks/use_headway.ts";
import { formatDuration } from "../format/times.ts";
import { useLocalNow } from "../watch/ticker.ts";
import { useLanguage, type Language } from "../words/context.tsx";
import { classes, type Styled } from "./classes.ts";

interface Shown extends Styled {
  /** Shows a button that signs in, when somebody is signed out. */
  readonly onSignIn?: (() => void) | undefined;
  readonly locale?: string | undefined;
}

/** The state to show; that of the nearest provider's client unless said. */
export type ConnectionStatusProps = Shown &
  (
    | { readonly connection?: undefined; readonly onRetry?: undefined }
    | { readonly connection: ConnectionState; readonly onRetry?: (() => void) | undefined }
  );

/** How the connection is: quiet while it is live, and what can be done when it is not. */
export function ConnectionStatus(props: ConnectionStatusProps): ReactNode {
  if (props.connection === undefined) return <LiveStatus {...props} />;
  return <Status {...props} />;
}

function LiveStatus(shown: Shown): ReactNode {
  const headway = useHeadway();
  const connection = useConnection();
  return (
    <Status
      {...shown}
      connection={connection}
      onRetry={() => {
        headway.signedIn();
      }}
    />
  );
}

interface StatusProps extends Shown {
  readonly connection: ConnectionState;
  readonly onRetry?: (() => void) | undefined;
}

function Status({ connection, onRetry, onSignIn, locale, className }: StatusProps): ReactNode {
  const language = useLanguage(locale);
  const { words } = language;
  const [before, setBefore] = useState(connection);
  if (connection.state !== "connecting" && connection !== before) setBefore(connection);
  // Whoever tries again has still lost it: what is said does not change with each attempt.
  const trying = connection.state === "connecting" && before.state === "waiting";
  const shown = trying ? before : connection;
  const now = useLocalNow(connection.state === "waiting");
  const reason = connection.state === "refused" || connection.state === "waiting" ? connection.reason : undefined;
  return (
    <div className={classes("headway", "headway-connection", className)} data-state={shown.state}>
      <span className="headway-connection-dot" aria-hidden="true" />
      <span role="status" title={reason}>{sayState(shown, language)}</span>
      {trying && <span className="headway-connection-wait">{words.tryingNow}</span>}
      {now !== undefined && connection.state === "waiting" && connection.retryAt > now && (
        <span className="headway-connection-wait headway-number">{words.retryIn(formatDuration(1_000 * Math.ceil((connection.retryAt - now) / 1_000), { locale: language.locale, round: true }))}</span>
      )}
      {onRetry && (connection.state === "waiting" || connection.state === "refused") && (
        <button type="button" className="headway-button" onClick={onRetry}>
          {words.tryNow}
        </button>
      )}
      {onSignIn && connection.state === "signed_out" && (
        <button type="button" className="headway-button" onClick={onSignIn}>
          {words.signIn}
        </button>
      )}
    </div>
  );
}

function sayState(connection: ConnectionState, { words }: Language): string {
  switch (connection.state) {
    case "waiting":
      return connection.offline ? words.connection.offline : words.connection.waiting;
    case "signed_out":
      return words.signedOut[connection.reason];
    case "refused":
      return `${words.connection.refused}: ${connection.reason}`;
    case "idle":
    case "connecting":
    case "live":
      return words.connection[connection.state];
  }
}
