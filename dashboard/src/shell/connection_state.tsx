// How the one connection stands, small in the frame, and a line below it when it matters.

import { useSyncExternalStore } from "react";
import type { ConnectionState, Headway } from "@headway/client";

import { Button } from "../design/button.tsx";
import type { Tone } from "../design/tone.ts";
import { useSurroundings } from "./context.ts";

const TRANSPORT = { websocket: "WebSocket", events: "Server-Sent Events", poll: "polling" } as const;

/** What a state is called, and how it feels. */
export function describeConnection(connection: ConnectionState): { readonly tone: Tone; readonly text: string; readonly detail: string } {
  switch (connection.state) {
    case "idle": return { tone: "idle", text: "Idle", detail: "Nothing here is watched live at the moment." };
    case "connecting": return { tone: "idle", text: "Connecting…", detail: `Connecting by ${TRANSPORT[connection.transport]}.` };
    case "live": return { tone: "good", text: "Live", detail: `Live by ${TRANSPORT[connection.transport]}${connection.tab === "follows" ? ", over the connection of another tab" : ""}.` };
    case "waiting": return connection.offline
      ? { tone: "warn", text: "Offline", detail: "There is no network. What is shown is what was last known." }
      : { tone: "warn", text: "Reconnecting…", detail: "The connection was lost and is being restored. What is shown is what was last known." };
    case "signed_out": return { tone: "bad", text: "Signed out", detail: "The sign-in has ended." };
    case "refused": return { tone: "bad", text: "Refused", detail: `The server refused this page: ${connection.reason === "" ? String(connection.code) : connection.reason}.` };
  }
}

function useConnectionOf(client: Headway): ConnectionState {
  return useSyncExternalStore(client.connection.subscribe, client.connection.getSnapshot);
}

/** A lamp and a word; nothing where a page needs no connection, for then nothing is the matter with it. */
export function ConnectionLamp({ client }: { readonly client: Headway }) {
  const connection = useConnectionOf(client);
  const { tone, text, detail } = describeConnection(connection);
  const needed = connection.state !== "idle";
  return (
    <span className="link-state" data-tone={tone} title={needed ? detail : undefined} role="status">
      {needed && <span className="link-state__lamp" aria-hidden="true" />}
      {needed && <span>{text}</span>}
    </span>
  );
}

/** A line across the page while what is shown may be old. */
export function ConnectionNote({ client }: { readonly client: Headway }) {
  const { session } = useSurroundings();
  const connection = useConnectionOf(client);
  if (connection.state !== "waiting" && connection.state !== "refused") return null;
  return (
    <div className="offline-note">
      <span>{describeConnection(connection).detail}</span>
      <Button size="small" onClick={() => { session.retryNow(); }}>Try now</Button>
    </div>
  );
}
