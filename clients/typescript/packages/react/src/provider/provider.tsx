"use client";
// Gives a client to everything inside it.

import { useEffect, useMemo, useState, type ReactNode } from "react";
import type { ConnectOptions, Headway } from "@headway/client";

import { WordsProvider, type Speech } from "../words/context.tsx";
import { WatchPool } from "../watch/pool.ts";
import { HeadwayContext } from "./context.ts";
import { OwnClient } from "./own_client.ts";

interface Inside extends Speech {
  readonly children?: ReactNode;
}

/** A client that the application makes and closes, or how to make one. */
export type HeadwayProviderProps = Inside & (
  | { readonly client: Headway }
  | ({ readonly client?: undefined } & Omit<ConnectOptions, "clock">)
);

/**
 * Gives a client to everything inside it: `client`, or one that it makes of `url`, `token` and the other
 * options of a `Headway`, and closes when it is gone.
 */
export function HeadwayProvider(props: HeadwayProviderProps): ReactNode {
  const { children, locale, timeZone, words, client, ...options } = props;
  return (
    <WordsProvider locale={locale} timeZone={timeZone} words={words}>
      {client === undefined ? <Making options={options}>{children}</Making> : <Giving client={client}>{children}</Giving>}
    </WordsProvider>
  );
}

function Giving({ client, children }: { readonly client: Headway; readonly children: ReactNode }): ReactNode {
  const provided = useMemo(() => ({ headway: client, pool: new WatchPool(client) }), [client]);
  return <HeadwayContext.Provider value={provided}>{children}</HeadwayContext.Provider>;
}

function Making({ options, children }: { readonly options: ConnectOptions; readonly children: ReactNode }): ReactNode {
  const { token } = options;
  // Functions may be new ones on each rendering, and are left out here; what else changes means another connection.
  const key = JSON.stringify([options, token === undefined]);
  const [made, setMade] = useState(() => ({ key, client: new OwnClient(options) }));
  if (made.key !== key) setMade({ key, client: new OwnClient(options) });
  const { client } = made;
  useEffect(() => {
    client.askFrom(token);
  }, [client, token]);
  useEffect(
    () =>
      client.hold(() => {
        setMade((before) => (before.client === client ? { ...before, client: client.another() } : before));
      }),
    [client],
  );
  return <HeadwayContext.Provider value={client}>{children}</HeadwayContext.Provider>;
}
