// What is around every page: the name, the ways, the connection, who is there.

import "./frame.css";
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Headway } from "@headway/client";

import { Icon, type IconName } from "../design/icon.tsx";
import { ConnectionLamp, ConnectionNote } from "./connection_state.tsx";
import { usePerson, useSurroundings } from "./context.ts";
import { IdentityMenu } from "./identity_menu.tsx";
import { go, usePlace } from "./place.ts";
import { hrefTo, type Route } from "./route.ts";
import { ShortcutsDialog, useKeys } from "./shortcuts.tsx";
import { Wordmark } from "./wordmark.tsx";

interface Way {
  readonly label: string;
  readonly icon: IconName;
  readonly to: Route;
  /** Pages that belong to it. */
  readonly holds: readonly Route["name"][];
}

const JOBS: Way = { label: "Jobs", icon: "jobs", to: { name: "jobs" }, holds: ["jobs", "job", "batch"] };
const NEW_BATCH: Way = { label: "New batch", icon: "plus", to: { name: "new_batch" }, holds: ["new_batch"] };
const NODE: Way = { label: "Node", icon: "node", to: { name: "node" }, holds: ["node"] };

/** How long the second key of two is waited for, in milliseconds. */
const SECOND_KEY_MS = 1200;

export function Frame({ client, children }: { readonly client: Headway; readonly children: ReactNode }) {
  const person = usePerson();
  const { questions } = useSurroundings();
  const { route } = usePlace();
  const [showsKeys, setShowsKeys] = useState(false);
  const main = useRef<HTMLElement>(null);
  const first = useRef(Number.NEGATIVE_INFINITY);
  const isGuest = person.onlyJob !== undefined;
  const ways = isGuest ? [] : [JOBS, ...(person.has("report") ? [NEW_BATCH] : []), NODE];

  useKeys((key, event) => {
    if (key === "?") {
      setShowsKeys(true);
      return true;
    }
    if (isGuest) return false;
    const isSecond = event.timeStamp - first.current < SECOND_KEY_MS;
    first.current = key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
    const way = isSecond ? (key === "j" ? JOBS : key === "b" ? NEW_BATCH : key === "n" ? NODE : undefined) : undefined;
    if (way === undefined || !ways.includes(way)) return false;
    // The page's own keys are not meant.
    event.stopImmediatePropagation();
    go(way.to);
    return true;
  });

  // Another page begins at its top, and people who listen begin there too.
  const page = route.name === "job" || route.name === "batch" ? `${route.name} ${route.id}` : route.name;
  const shown = useRef(page);
  useEffect(() => {
    if (shown.current === page) return;
    shown.current = page;
    questions.dismiss();
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [page, questions]);

  return (
    <div className="frame">
      <a className="skip" href="#main" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the page</a>
      <div>
        <header className="frame__head">
          <Wordmark href={hrefTo({ name: "jobs" })} />
          {ways.length > 0 && (
            <nav className="navigation" aria-label="Pages">
              {ways.map((way) => (
                <a key={way.label} className="navigation__link" href={hrefTo(way.to)} aria-current={way.holds.includes(route.name) ? "page" : undefined}>
                  <Icon name={way.icon} />{way.label}
                </a>
              ))}
            </nav>
          )}
          <div className="frame__tools">
            {person.has("watch") && <ConnectionLamp client={client} />}
            <IdentityMenu onShortcuts={() => { setShowsKeys(true); }} />
          </div>
        </header>
        <ConnectionNote client={client} />
      </div>
      <main className="frame__main" id="main" ref={main} tabIndex={-1}>{children}</main>
      {showsKeys && <ShortcutsDialog onClose={() => { setShowsKeys(false); }} />}
    </div>
  );
}
